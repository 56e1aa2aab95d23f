"""查券: what staff see before they confirm, and after they take it back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.card_pack.queries import by_id
from backend.card_pack.view import CouponView
from backend.coupons.applicability import warnings
from backend.coupons.bill import BillLine
from backend.coupons.kinds import give_text
from backend.database import transactional
from backend.members.phones import masked
from backend.merchants.queries import Place
from backend.redemption import undo as undoing
from backend.redemption.facts import CouponFacts
from backend.redemption.look_up import find, judge, use_at
from backend.redemption.redeem import Redeemer


@dataclass(frozen=True)
class RedemptionPreview:
    """核销通知 (S4-23): the coupon, whose it is, what to give and what to look at."""

    coupon: CouponView
    owner: str
    give: str
    warnings: list[str]


def check(
    scan: str, *, here: Place, lines: Sequence[BillLine] | None = None, now: datetime
) -> RedemptionPreview:
    """查券 at this store: writes nothing, refuses exactly as redeeming would. Without ``lines``
    neither dishes nor the minimum are judged."""
    coupon = find(scan, now=now)
    judge(coupon, use_at(here, lines=lines, at=now))
    notes = [coupon.notice] if coupon.notice else []
    return RedemptionPreview(
        coupon=by_id(coupon.id, now=now),
        owner=_owner(coupon),
        give=give_text(coupon.promise.rule, minimum_fen=coupon.promise.minimum_fen),
        warnings=notes + (warnings(coupon.promise) if lines is None else []),
    )


@transactional
def undo(
    redemption_id: int,
    *,
    by: Redeemer,
    store_code: str | None = None,
    reason: str,
    now: datetime,
) -> CouponView:
    """撤销 as ``redemption.undo``; the coupon as it is again."""
    coupon_id = undoing.undo(redemption_id, by=by, store_code=store_code, reason=reason, now=now)
    return by_id(coupon_id, now=now)


def _owner(coupon: CouponFacts) -> str:
    known = (coupon.holder_nickname, masked(coupon.holder_phone))
    return " ".join(part for part in known if part) or "微信会员"
