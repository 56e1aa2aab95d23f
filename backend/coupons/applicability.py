"""可用判断: may this coupon be used here, now, on this bill; else why not.

The one home of that decision: looking up, quoting, redeeming and settling all ask here, so that a
check refuses exactly as the redemption would. Pure; the caller has found the coupon.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from backend.calendar import day_of, last_day_before, local
from backend.coupons.bill import BillLine
from backend.coupons.discount import reduction
from backend.coupons.errors import (
    BelowMinimum,
    CouponExpired,
    CouponGifting,
    CouponLocked,
    CouponNotForThisStore,
    CouponNotStarted,
    CouponRedeemed,
    CouponRevoked,
    DishMissing,
    NothingOff,
    TimeNotAllowed,
)
from backend.coupons.kinds import GeneralRule, GiftRule, GroupBuyRule
from backend.coupons.models import CouponState
from backend.coupons.promise import Promise
from backend.coupons.validity import Age, age
from backend.errors import DomainError
from backend.money import yuan


@dataclass(frozen=True)
class Standing:
    """Where the coupon stands, with what a refusal says about it."""

    state: CouponState
    redeemed_at: datetime | None = None
    redeemed_store: str = ""
    locked_bill: str | None = None
    locked_until: datetime | None = None


@dataclass(frozen=True)
class UseFacts:
    """Where and when the coupon is to be used. Without ``lines`` no bill is judged.

    ``bill`` is spelt as in ``Standing.locked_bill``: a bill may use what it has locked itself.
    """

    store_code: str
    store_name: str
    at: datetime
    zone: ZoneInfo
    lines: Sequence[BillLine] | None = None
    bill: str | None = None


def verdict(promise: Promise, standing: Standing, use: UseFacts) -> DomainError | None:
    """可用判断. The first refusal in the order of spec/05, or ``None``: it may be used.

    State, validity, store, weekday and hour, minimum (inclusive), dish, that it takes anything off.
    """
    return (
        _by_state(standing, use)
        or _by_validity(promise, use)
        or _by_store(promise, use)
        or _by_hours(promise, use)
        or (None if use.lines is None else _by_bill(promise, use.lines))
    )


def warnings(promise: Promise, *, dish_names: Mapping[str, str] | None = None) -> list[str]:
    """What staff must look at themselves where no bill was given."""
    names = dish_names or {}

    def listed(codes: Sequence[str]) -> str:
        return "、".join(names.get(code, code) for code in codes)

    scope = promise.scope
    covered = listed((*scope.dishes, *scope.categories))
    return [
        words
        for applies, words in (
            (promise.needed_fen, f"请核对消费满{yuan(promise.needed_fen)}元"),
            (promise.named_dishes, f"请核对订单中有此券菜品：{listed(promise.named_dishes)}"),
            (covered, f"请核对适用菜品或品类：{covered}"),
            (not promise.combine.discounted_dishes, "特价菜品不参与此券"),
        )
        if applies
    ]


def _by_state(standing: Standing, use: UseFacts) -> DomainError | None:
    match standing:
        case Standing(state=CouponState.USABLE):
            return None
        case Standing(state=CouponState.LOCKED):
            return CouponLocked() if _locked_elsewhere(standing, use) else None
        case Standing(state=CouponState.REDEEMED, redeemed_at=datetime() as redeemed_at):
            return CouponRedeemed(
                redeemed_at=local(redeemed_at, use.zone), store_name=standing.redeemed_store
            )
        case Standing(state=CouponState.GIFTING):
            return CouponGifting()
        case Standing(state=CouponState.REVOKED):
            return CouponRevoked()
        case _:
            raise ValueError("a redeemed coupon was redeemed at some time")


def _locked_elsewhere(standing: Standing, use: UseFacts) -> bool:
    over = standing.locked_until is not None and standing.locked_until <= use.at
    return not over and (use.bill is None or standing.locked_bill != use.bill)


def _by_validity(promise: Promise, use: UseFacts) -> DomainError | None:
    match age(use.at, valid_from=promise.valid_from, valid_until=promise.valid_until):
        case Age.NOT_STARTED:
            return CouponNotStarted(starts_on=day_of(promise.valid_from, use.zone))
        case Age.EXPIRED:
            return CouponExpired(expired_on=last_day_before(promise.valid_until, use.zone))
        case Age.IN_WINDOW:
            return None


def _by_store(promise: Promise, use: UseFacts) -> DomainError | None:
    if promise.stores == "all" or use.store_code in promise.stores:
        return None
    return CouponNotForThisStore(store_name=use.store_name, number=promise.number)


def _by_hours(promise: Promise, use: UseFacts) -> DomainError | None:
    if promise.hours.allow(use.at, use.zone):
        return None
    return TimeNotAllowed(hours=promise.hours.words)


def _by_bill(promise: Promise, lines: Sequence[BillLine]) -> DomainError | None:
    missing_fen = promise.needed_fen - promise.applicable_fen(lines)
    if missing_fen > 0:
        return BelowMinimum(minimum_fen=promise.needed_fen, missing_fen=missing_fen)
    if not _has_its_dishes(promise, lines):
        return DishMissing()
    return None if _takes_something_off(promise, lines) else NothingOff()


def _takes_something_off(promise: Promise, lines: Sequence[BillLine]) -> bool:
    """What staff give by a text is not counted here; everything else must be worth a fen (R-26)."""
    by_text = isinstance(promise.rule, GeneralRule)
    return by_text or reduction(promise, lines).total_fen > 0


def _has_its_dishes(promise: Promise, lines: Sequence[BillLine]) -> bool:
    """A set needs each of its dishes, other kinds one line that they count on."""
    match promise.rule:
        case GroupBuyRule(dishes=dishes):
            ordered: Counter[str] = Counter()
            for line in filter(promise.names, lines):
                ordered[line.dish] += line.pieces
            return Counter(dishes) <= ordered
        case GeneralRule() if not (promise.scope.dishes or promise.scope.categories):
            return True
        case GiftRule():
            return any(promise.names(line) and line.pieces for line in lines)
        case _:
            counts = promise.names if promise.named_dishes else promise.counts
            return any(map(counts, lines))
