"""商城推送: what a mall says, each event once for ever; the same again answers the same.

Events may come in any order and any number of times. A voucher has its number from the first word
of it on; a refund that overtakes its sale is remembered, so that the sale makes no coupon.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue
from sqlalchemy import insert, select, update

from backend import faults, tenancy
from backend.calendar import local
from backend.coupons import states
from backend.coupons.errors import CouponRedeemed
from backend.coupons.models import CouponState
from backend.coupons.numbers import coupon_numbers
from backend.database import MetAnother, changed, db, table_of, transactional
from backend.errors import FieldError, ParamError
from backend.malls import buyers, link, shops
from backend.malls.buyers import Buyer
from backend.malls.errors import EventConflict, VoucherConflict, VoucherNotFound
from backend.malls.link import Sold
from backend.malls.models import MallEvent
from backend.malls.shops import Shop
from backend.merchants import queries as merchants
from backend.messaging import outbox
from backend.messaging.models import Purpose
from backend.redemption import facts
from backend.vouchers.models import MallVoucher, VoucherState

_events, _vouchers = table_of(MallEvent), table_of(MallVoucher)


class EventKind(StrEnum):
    SOLD = "sold"
    REFUNDED = "refunded"


class Answered(StrEnum):
    """A voucher as its mall is told."""

    USABLE = "usable"
    WAITING = "waiting_for_link"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Sale:
    """售出: what was paid for, by whom."""

    product: str
    order: str
    buyer: Buyer
    paid_fen: int
    sold_at: datetime


@dataclass(frozen=True)
class Event:
    """商城推送. A refund may leave out what its sale has said."""

    event_id: str
    kind: EventKind
    voucher: str
    sale: Sale | None

    @property
    def fingerprint(self) -> str:
        """Equal only for the same content."""
        content = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class EventAnswer:
    """What the mall is answered; ``refusal``: the coupon was used, then and there."""

    number: str
    state: Answered
    voucher_id: int
    refusal: tuple[str, str] | None = None


def receive(event: Event, *, shop: Shop, now: datetime) -> EventAnswer:
    """Take an event in. EventConflict: its id was used for something else; CouponRedeemed: what
    was used is not refunded, now and whenever this event is said again."""
    heard = _hear(event, shop=shop, now=now)
    faults.point("mall.after_commit")
    if heard.refusal is not None:
        at, store_name = heard.refusal
        raise CouponRedeemed(redeemed_at=datetime.fromisoformat(at), store_name=store_name)
    return heard


@transactional
def _hear(event: Event, *, shop: Shop, now: datetime) -> EventAnswer:
    """The event's row first: who says the same at the same moment waits, then finds it."""
    if earlier := _earlier(event, shop):
        return earlier
    event_row = _claim(event, shop, now=now)
    if event.kind is EventKind.SOLD:
        heard = _sold(event, shop=shop, now=now)
    else:
        heard = _refunded(event, shop=shop, now=now)
    changed(
        update(_events)
        .where(_events.c.merchant_id == tenancy.merchant_id(), _events.c.id == event_row)
        .values(voucher_id=heard.voucher_id, answer=_as_json(heard))
    )
    shops.note_heard(shop.id, now=now)
    faults.point("mall.before_commit")
    return heard


def _sold(event: Event, *, shop: Shop, now: datetime) -> EventAnswer:
    """A coupon where the product is linked, else it waits; said before, it is what it is."""
    sale = event.sale
    if sale is None:
        raise ParamError(errors=[FieldError(field="product", message="必填")])
    if known := _voucher(event.voucher):
        if (known.shop_id, known.product) != (shop.id, sale.product):
            raise VoucherConflict()
        return _heard(known.id, known.state)
    sold = _write_voucher(event.voucher, sale, shop=shop, state=VoucherState.WAITING, now=now)
    offer = link.link_sold(sold, sale.product, store_code=shop.store_code, now=now)
    title = sale.product if offer is None else "、".join(offer.titles)
    _tell_buyer(sold, sale, title=title, shop=shop, now=now)
    return _heard(sold.id, VoucherState.WAITING if offer is None else VoucherState.LINKED)


def _refunded(event: Event, *, shop: Shop, now: datetime) -> EventAnswer:
    """退款: what was not used is revoked, linked or not; what was used stays, and is refused."""
    known = _voucher(event.voucher)
    if known is None:
        if event.sale is None:
            raise VoucherNotFound()
        unsold = _write_voucher(
            event.voucher, event.sale, shop=shop, state=VoucherState.REVOKED, now=now
        )
        return _heard(unsold.id, VoucherState.REVOKED)
    if known.shop_id != shop.id:
        raise VoucherNotFound()
    if known.state == VoucherState.REVOKED:
        return _heard(known.id, known.state)
    if known.coupon_id is not None and (refusal := _take_back(known, shop=shop, now=now)):
        return replace(_heard(known.id, known.state), refusal=refusal)
    if not changed(
        update(_vouchers)
        .where(
            _vouchers.c.merchant_id == tenancy.merchant_id(),
            _vouchers.c.id == known.id,
            _vouchers.c.state == known.state,
        )
        .values(state=VoucherState.REVOKED.value, refunded_at=now)
    ):
        raise MetAnother("the voucher was linked meanwhile")
    return _heard(known.id, VoucherState.REVOKED)


def _take_back(known: MallVoucher, *, shop: Shop, now: datetime) -> tuple[str, str] | None:
    """The unused coupon is revoked; a used one says when and where."""
    coupon_id = known.coupon_id or 0
    cause = f"refund {known.order_number}"
    if states.revoke(coupon_id, actor=f"mall {shop.key}", cause=cause, now=now):
        return None
    coupon = facts.coupon(coupon_id)
    if coupon is None or coupon.standing.state is CouponState.REVOKED:
        return None
    used_at = coupon.standing.redeemed_at
    if coupon.standing.state is not CouponState.REDEEMED or used_at is None:
        raise MetAnother("the coupon is usable again")
    at = local(used_at, merchants.zone()).isoformat(timespec="seconds")
    return at, coupon.standing.redeemed_store


def _tell_buyer(sold: Sold, sale: Sale, *, title: str, shop: Shop, now: datetime) -> None:
    """购买成功 in the mall's official account, where that is bound here (S1-16)."""
    if not shop.app_id:
        return
    here = merchants.store_named(shop.store_id)
    outbox.queue(
        sold.member_id,
        Purpose.MALL_PURCHASE,
        {
            "title": title[:60],
            "number": coupon_numbers().of_voucher(sold.id),
            "count": 1,
            "amount": sale.paid_fen,
            "store": here,
            "time": local(sale.sold_at, merchants.zone()).isoformat(timespec="seconds"),
        },
        dedupe_key=f"voucher-{sold.id}-sold",
        through=shop.app_id,
        now=now,
    )


def _write_voucher(
    voucher: str, sale: Sale, *, shop: Shop, state: VoucherState, now: datetime
) -> Sold:
    member_id = buyers.member_of(sale.buyer, shop=shop, now=now)
    written = db.session.connection().execute(
        insert(_vouchers).values(
            merchant_id=tenancy.merchant_id(),
            shop_id=shop.id,
            product=sale.product,
            order_number=sale.order,
            voucher=voucher,
            paid_fen=sale.paid_fen,
            sold_at=sale.sold_at,
            member_id=member_id,
            state=state.value,
            created_at=now,
            refunded_at=now if state is VoucherState.REVOKED else None,
        )
    )
    (voucher_id,) = written.inserted_primary_key or (0,)
    return Sold(int(voucher_id), member_id)


def _voucher(voucher: str) -> MallVoucher | None:
    return db.session.scalars(
        select(MallVoucher)
        .where(MallVoucher.voucher == voucher)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _earlier(event: Event, shop: Shop) -> EventAnswer | None:
    row = (
        db.session.connection()
        .execute(
            select(_events.c.fingerprint, _events.c.answer).where(
                _events.c.merchant_id == tenancy.merchant_id(),
                _events.c.shop_id == shop.id,
                _events.c.event_id == event.event_id,
            )
        )
        .one_or_none()
    )
    if row is None:
        return None
    if row.fingerprint != event.fingerprint:
        raise EventConflict()
    return _from_json(row.answer)


def _claim(event: Event, shop: Shop, *, now: datetime) -> int:
    written = db.session.connection().execute(
        insert(_events).values(
            merchant_id=tenancy.merchant_id(),
            shop_id=shop.id,
            event_id=event.event_id,
            fingerprint=event.fingerprint,
            kind=event.kind.value,
            answer={},
            received_at=now,
        )
    )
    (row_id,) = written.inserted_primary_key or (0,)
    return int(row_id)


def _heard(voucher_id: int, state: str) -> EventAnswer:
    answered = {
        VoucherState.WAITING: Answered.WAITING,
        VoucherState.LINKED: Answered.USABLE,
        VoucherState.REVOKED: Answered.REVOKED,
    }
    number = coupon_numbers().of_voucher(voucher_id)
    return EventAnswer(number, answered[VoucherState(state)], voucher_id)


def _as_json(heard: EventAnswer) -> dict[str, JsonValue]:
    return {
        "number": heard.number,
        "state": heard.state.value,
        "voucher_id": heard.voucher_id,
        "refusal": None if heard.refusal is None else list(heard.refusal),
    }


def _from_json(answer: dict[str, JsonValue]) -> EventAnswer:
    refusal = answer["refusal"]
    return EventAnswer(
        number=str(answer["number"]),
        state=Answered(str(answer["state"])),
        voucher_id=int(str(answer["voucher_id"])),
        refusal=(str(refusal[0]), str(refusal[1])) if isinstance(refusal, list) else None,
    )
