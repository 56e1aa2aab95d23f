"""卡包: the customer's coupons, and the code to show for one."""

from typing import Self

from flask import request

from backend import clock
from backend.card_pack import queries as card_pack
from backend.card_pack.queries import Page, Shown
from backend.card_pack.show import code_of
from backend.errors import FieldError, ParamError
from miniprogram_api import paging
from miniprogram_api.answers import CouponAnswer
from miniprogram_api.contract import Answer, route
from miniprogram_api.customer.blueprint import blueprint
from miniprogram_api.customer.codes import QrAnswer
from miniprogram_api.customer.tokens import current_customer


class CouponsAnswer(Answer):
    items: list[CouponAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page) -> Self:
        return cls(items=CouponAnswer.each(page.items), next_cursor=page.next_cursor)


@route(blueprint, "GET", "/me/coupons", answer=CouponsAnswer, query=("state", *paging.QUERY))
def my_coupons() -> CouponsAnswer:
    """卡包, the soonest to expire first; usable ones unless ``state`` says otherwise."""
    asked = paging.page_asked()
    return CouponsAnswer.of(
        card_pack.coupons_of(
            current_customer().member_ids,
            state=_state(),
            limit=asked.limit,
            cursor=asked.cursor,
            now=clock.now(),
        )
    )


@route(blueprint, "GET", "/me/coupons/<number>", answer=CouponAnswer)
def my_coupon(number: str) -> CouponAnswer:
    """一张券."""
    mine = current_customer().member_ids
    return CouponAnswer.of(card_pack.coupon_of(mine, number, now=clock.now()))


@route(blueprint, "GET", "/me/coupons/<number>/qr", answer=QrAnswer)
def my_coupon_code(number: str) -> QrAnswer:
    """动态券码, good for 60 s."""
    now = clock.now()
    mine = current_customer().member_ids
    return QrAnswer.of(code_of(card_pack.coupon_of(mine, number, now=now), now=now))


def _state() -> Shown:
    said = request.args.get("state") or Shown.USABLE
    try:
        return Shown(said)
    except ValueError:
        words = "、".join(Shown)
        raise ParamError(errors=[FieldError(field="state", message=f"只能是 {words}")]) from None
