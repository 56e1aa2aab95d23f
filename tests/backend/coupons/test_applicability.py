"""可用判断: each refusal word for word, in the order of spec/05."""

from datetime import datetime, timedelta

import pytest

from backend.calendar import SHANGHAI
from backend.coupons import errors
from backend.coupons.applicability import Standing, UseFacts, verdict, warnings
from backend.coupons.bill import BillLine
from backend.coupons.models import CouponState
from backend.coupons.promise import Promise
from backend.coupons.terms import Combine, UseHours
from backend.errors import DomainError
from tests.backend.coupons.promises import a_line, a_promise, at

USABLE = Standing(CouponState.USABLE)
NOON = at("2026-11-23 12:00")
LUNCH = UseHours(weekdays=(1, 2, 3, 4, 5), hours=("11:00-14:00",))
TICK = timedelta(microseconds=1)


def use(
    lines: list[BillLine] | None = None,
    *,
    moment: datetime = NOON,
    store_name: str = "皇岗",
    bill: str | None = None,
) -> UseFacts:
    return UseFacts(
        store_code="s01", store_name=store_name, at=moment, zone=SHANGHAI, lines=lines, bill=bill
    )


def code(promise: Promise, standing: Standing, facts: UseFacts) -> str | None:
    refusal = verdict(promise, standing, facts)
    return refusal.code if refusal else None


def test_a_good_coupon_may_be_used_with_and_without_a_bill() -> None:
    assert verdict(a_promise(), USABLE, use()) is None
    assert verdict(a_promise(), USABLE, use([a_line()])) is None


REDEEMED = Standing(
    CouponState.REDEEMED, redeemed_at=at("2026-11-20 12:30:59"), redeemed_store="皇岗店"
)
LOCKED = Standing(CouponState.LOCKED, locked_bill="s01/B1", locked_until=NOON + TICK)


@pytest.mark.parametrize(
    ("promise", "standing", "facts", "status", "refusal_code", "message"),
    [
        (
            a_promise(),
            REDEEMED,
            use(),
            409,
            "COUPON_REDEEMED",
            "该券已于2026-11-20 12:30在皇岗店核销",
        ),
        (a_promise(), Standing(CouponState.REVOKED), use(), 409, "COUPON_REVOKED", "该券已作废"),
        (
            a_promise(),
            Standing(CouponState.GIFTING),
            use(),
            409,
            "COUPON_GIFTING",
            "该券正在赠送中",
        ),
        (a_promise(), LOCKED, use(), 409, "COUPON_LOCKED", "该券正在另一张账单中使用"),
        (
            a_promise(valid_until="2026-11-23"),
            USABLE,
            use(),
            422,
            "COUPON_EXPIRED",
            "该券已于2026-11-22过期",
        ),
        (
            a_promise(valid_from="2026-11-24"),
            USABLE,
            use(),
            422,
            "COUPON_NOT_STARTED",
            "该券2026-11-24起可用",
        ),
        (
            a_promise(stores=frozenset({"s02"})),
            USABLE,
            use(),
            422,
            "STORE_NOT_ALLOWED",
            "皇岗店不能使用该票券,票券【消费号482913075561】不能使用!",
        ),
        (
            a_promise(stores=frozenset({"s02"})),
            USABLE,
            use(store_name="皇岗店"),
            422,
            "STORE_NOT_ALLOWED",
            "皇岗店不能使用该票券,票券【消费号482913075561】不能使用!",
        ),
        (
            a_promise(hours=LUNCH),
            USABLE,
            use(moment=at("2026-11-23 14:00")),
            422,
            "TIME_NOT_ALLOWED",
            "该券在周一至周五 11:00-14:00可用",
        ),
        (
            a_promise(minimum_fen=5000),
            USABLE,
            use([a_line(yuan=49.99)]),
            422,
            "BELOW_MINIMUM",
            "满50元可用，还差0.01元",
        ),
        (
            a_promise("every_full", threshold_fen=30000, reduce_fen=10000),
            USABLE,
            use([a_line(yuan=299)]),
            422,
            "BELOW_MINIMUM",
            "满300元可用，还差1元",
        ),
        (
            a_promise("gift", dishes=["D001"]),
            USABLE,
            use([a_line("D002")]),
            422,
            "DISH_MISSING",
            "订单中没有此券相关菜品,不能使用",
        ),
    ],
)
def test_each_refusal_reads_as_the_table_has_it(
    promise: Promise,
    standing: Standing,
    facts: UseFacts,
    status: int,
    refusal_code: str,
    message: str,
) -> None:
    refusal = verdict(promise, standing, facts)
    assert refusal is not None
    assert (refusal.http_status, refusal.code, refusal.message) == (status, refusal_code, message)


def test_refusals_come_in_the_order_found_state_validity_store_hour_minimum_dish() -> None:
    def everything_wrong(*, valid_until: str, stores: frozenset[str] | None = None) -> Promise:
        return a_promise(
            "gift",
            dishes=["D009"],
            minimum_fen=100000,
            valid_until=valid_until,
            stores=stores,
            hours=LUNCH,
        )

    evening = use([a_line()], moment=at("2026-11-23 20:00"))
    elsewhere = frozenset({"s02"})
    expired = everything_wrong(valid_until="2026-11-02", stores=elsewhere)
    assert code(expired, REDEEMED, evening) == "COUPON_REDEEMED"
    assert code(expired, USABLE, evening) == "COUPON_EXPIRED"
    other_store = everything_wrong(valid_until="2026-12-01", stores=elsewhere)
    assert code(other_store, USABLE, evening) == "STORE_NOT_ALLOWED"
    here = everything_wrong(valid_until="2026-12-01")
    assert code(here, USABLE, evening) == "TIME_NOT_ALLOWED"
    assert code(here, USABLE, use([a_line()])) == "BELOW_MINIMUM"
    assert code(here, USABLE, use([a_line(yuan=1000)])) == "DISH_MISSING"
    assert code(here, USABLE, use([a_line(yuan=1000), a_line("D009", 1)])) is None


def test_without_a_bill_neither_minimum_nor_dish_is_judged() -> None:
    promise = a_promise("gift", dishes=["D009"], minimum_fen=100000)
    assert verdict(promise, USABLE, use(None)) is None
    assert code(promise, USABLE, use([])) == "BELOW_MINIMUM"


@pytest.mark.parametrize(
    ("moment", "refusal_code"),
    [
        (at("2026-11-01") - TICK, "COUPON_NOT_STARTED"),
        (at("2026-11-01"), None),
        (at("2026-12-01") - TICK, None),
        (at("2026-12-01"), "COUPON_EXPIRED"),
    ],
)
def test_validity_is_half_open_to_the_instant(moment: datetime, refusal_code: str | None) -> None:
    assert code(a_promise(), USABLE, use(moment=moment)) == refusal_code


def test_a_lock_binds_every_other_bill_until_it_is_over() -> None:
    assert code(a_promise(), LOCKED, use(bill="s01/B2")) == "COUPON_LOCKED"
    assert code(a_promise(), LOCKED, use(bill="s01/B1")) is None
    assert code(a_promise(), LOCKED, use()) == "COUPON_LOCKED"
    unnamed = Standing(CouponState.LOCKED, locked_until=NOON + TICK)
    assert code(a_promise(), unnamed, use()) == "COUPON_LOCKED"
    assert code(a_promise(), LOCKED, use(bill="s01/B2", moment=NOON + TICK)) is None


@pytest.mark.parametrize(("minimum_fen", "needed_fen"), [(0, 30000), (50000, 50000)])
def test_every_full_needs_one_full_threshold_and_its_minimum(
    minimum_fen: int, needed_fen: int
) -> None:
    promise = a_promise(
        "every_full", threshold_fen=30000, reduce_fen=10000, minimum_fen=minimum_fen
    )
    assert code(promise, USABLE, use([a_line(yuan=needed_fen / 100 - 0.01)])) == "BELOW_MINIMUM"
    assert code(promise, USABLE, use([a_line(yuan=needed_fen / 100)])) is None


def test_a_minimum_is_inclusive_and_counts_what_the_scope_covers() -> None:
    promise = a_promise(minimum_fen=10000, dishes_in_scope=("D001",))
    assert code(promise, USABLE, use([a_line("D001", 100)])) is None
    assert code(promise, USABLE, use([a_line("D001", 99), a_line("D002", 100)])) == "BELOW_MINIMUM"


@pytest.mark.parametrize(
    ("promise", "lines", "refusal_code"),
    [
        (a_promise(dishes_in_scope=("D002",)), [a_line("D001")], "DISH_MISSING"),
        (a_promise(categories_in_scope=("hot",)), [a_line(category="hot")], None),
        (a_promise(categories_in_scope=("hot",)), [a_line(category="cold")], "DISH_MISSING"),
        (a_promise(), [], "DISH_MISSING"),
        (a_promise("general", text="送果盘"), [], None),
        (
            a_promise("general", text="送果盘", dishes_in_scope=("D002",)),
            [a_line("D001")],
            "DISH_MISSING",
        ),
        (a_promise("deduction", dishes=["D001"], value_fen=1), [a_line("D001")], None),
        (a_promise("group_buy", dishes=["A", "B"], price_fen=1), [a_line("A")], "DISH_MISSING"),
        (a_promise("group_buy", dishes=["A", "B"], price_fen=1), [a_line("A"), a_line("B")], None),
        (a_promise("group_buy", dishes=["A", "A"], price_fen=1), [a_line("A")], "DISH_MISSING"),
        (a_promise("group_buy", dishes=["A", "A"], price_fen=1), [a_line("A", quantity=2)], None),
        (
            a_promise("group_buy", dishes=["A", "A"], price_fen=1),
            [a_line("A"), a_line("A", 90)],
            None,
        ),
        (
            a_promise("gift", dishes=["D001"], dishes_in_scope=("D002",)),
            [a_line("D001")],
            None,
        ),
        (
            a_promise(combine=Combine(discounted_dishes=False)),
            [a_line(discounted=True)],
            "DISH_MISSING",
        ),
        (
            a_promise("gift", dishes=["D001"], combine=Combine(discounted_dishes=False)),
            [a_line("D001", discounted=True), a_line("D002")],
            "DISH_MISSING",
        ),
        (a_promise(), [a_line(discounted=True)], None),
    ],
)
def test_the_bill_must_hold_what_the_coupon_is_for(
    promise: Promise, lines: list[BillLine], refusal_code: str | None
) -> None:
    assert code(promise, USABLE, use(lines)) == refusal_code


def test_a_redeemed_coupon_without_a_time_is_never_let_through() -> None:
    with pytest.raises(ValueError):
        verdict(a_promise(), Standing(CouponState.REDEEMED), use())


@pytest.mark.parametrize(
    ("promise", "said"),
    [
        (a_promise(), []),
        (a_promise(minimum_fen=5000), ["请核对消费满50元"]),
        (
            a_promise("every_full", threshold_fen=30000, reduce_fen=10000),
            ["请核对消费满300元"],
        ),
        (a_promise("gift", dishes=["D001", "D002"]), ["请核对订单中有此券菜品：鱼香肉丝、D002"]),
        (
            a_promise(
                dishes_in_scope=("D001",),
                categories_in_scope=("hot",),
                combine=Combine(discounted_dishes=False),
            ),
            ["请核对适用菜品或品类：鱼香肉丝、hot", "特价菜品不参与此券"],
        ),
    ],
)
def test_without_a_bill_staff_are_told_what_to_look_at(promise: Promise, said: list[str]) -> None:
    assert warnings(promise, dish_names={"D001": "鱼香肉丝"}) == said


@pytest.mark.parametrize(
    ("error", "status", "refusal_code", "message"),
    [
        (errors.CouponNotFound(), 404, "COUPON_NOT_FOUND", "票券不存在"),
        (errors.NotCombinable(name="9折券"), 422, "NOT_COMBINABLE", "不能与9折券同时使用"),
        (errors.QrExpired(), 422, "QR_EXPIRED", "二维码已过期，请顾客刷新"),
        (errors.AlreadyClaimed(), 409, "ALREADY_CLAIMED", "已领取"),
        (errors.SoldOut(), 409, "SOLD_OUT", "来晚啦，已被领完"),
        (errors.ClaimLapsed(), 422, "CLAIM_LAPSED", "已过领取时间"),
    ],
)
def test_refusals_made_elsewhere_read_as_the_table_has_them(
    error: DomainError, status: int, refusal_code: str, message: str
) -> None:
    assert (error.http_status, error.code, error.message) == (status, refusal_code, message)


def test_a_refusal_carries_its_facts_and_the_cure_for_staff() -> None:
    refusal = verdict(a_promise(stores=frozenset()), USABLE, use())
    assert refusal is not None
    assert refusal.detail == {
        "store_name": "皇岗",
        "number": "482913075561",
        "hint": "请在营销活动中把当前门店加入该券的适用门店，仍有问题请联系聚食汇客服",
    }
    redeemed = verdict(a_promise(), REDEEMED, use())
    assert redeemed is not None
    assert redeemed.detail["redeemed_at"] == "2026-11-20T12:30:59+08:00"
