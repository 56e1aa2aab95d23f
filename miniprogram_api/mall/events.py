"""商城推送: sold and refunded (S1-14…17)."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from backend import clock
from backend.errors import FieldError, ParamError
from backend.malls.buyers import Buyer
from backend.malls.receive import Event, EventKind, Sale, receive
from backend.members import phones
from miniprogram_api.contract import Answer, Body, CodeText, Money, route
from miniprogram_api.mall.blueprint import blueprint, current_shop

VoucherText = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^\S.*$|^\S$")]


class BuyerBody(Body):
    """买家; one of them is needed."""

    phone: Annotated[str, Field(max_length=30)] | None = None
    unionid: CodeText | None = None
    openid: Annotated[CodeText | None, Field(description="at the mall's official account")] = None

    def buyer(self) -> Buyer:
        """What was paid is not refused for a phone that is none of ours, if WeChat knows them."""
        try:
            phone = phones.canonical(self.phone or "", field="buyer.phone")
        except ParamError:
            if self.unionid is None and self.openid is None:
                raise
            phone = None
        return Buyer(phone, self.unionid, self.openid)


class EventBody(Body):
    """商城推送. A refund of what was sold here needs its voucher only."""

    event_id: CodeText
    type: Annotated[EventKind, Field(strict=False)]
    voucher: VoucherText
    product: CodeText | None = None
    order: CodeText | None = None
    buyer: BuyerBody | None = None
    paid_fen: Money | None = None
    sold_at: AwareDatetime | None = None

    def event(self) -> Event:
        """ParamError: a sale that leaves something out."""
        sale = self._sale()
        if self.type is EventKind.SOLD and sale is None:
            named = ("product", "order", "buyer", "paid_fen", "sold_at")
            missing = [name for name in named if getattr(self, name) is None]
            raise ParamError(errors=[FieldError(field=name, message="必填") for name in missing])
        return Event(self.event_id, self.type, self.voucher, sale)

    def _sale(self) -> Sale | None:
        if (
            self.product is None
            or self.order is None
            or self.buyer is None
            or self.paid_fen is None
            or self.sold_at is None
        ):
            return None
        return Sale(self.product, self.order, self.buyer.buyer(), self.paid_fen, self.sold_at)


class HeardAnswer(Answer):
    """``number``: 消费号, from the sale on; ``state``: usable, waiting_for_link or revoked."""

    number: str
    state: str


@route(blueprint, "POST", "/events", body=EventBody, answer=HeardAnswer, once_by="event_id")
def hear_event(body: EventBody) -> HeardAnswer:
    """售出 and 退款: each event once, the same again answers the same"""
    answer = receive(body.event(), shop=current_shop(), now=clock.now())
    return HeardAnswer(number=answer.number, state=answer.state.value)
