"""核销: found, judged, used once, told, undone in time. (S4-22…25, S1-03, S1-06)"""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from backend import clock as business_clock
from backend import tenancy
from backend.card_pack.at_counter import RedemptionPreview, check, undo
from backend.coupons.errors import CouponNotFound, CouponRedeemed, QrExpired
from backend.coupons.models import CouponState
from backend.database import db, transaction
from backend.errors import DomainError
from backend.members.models import Member
from backend.merchants.queries import place
from backend.messaging.models import Intent
from backend.redemption.errors import RedemptionNotFound, UndoTooLate
from backend.redemption.redeem import Redeemed, Redeemer, redeem
from tests.backend.redemption.coupons import (
    a_coupon,
    code_of,
    events_of,
    number_of,
    redemptions_of,
    state_of,
)
from tests.builders import Shop, a_member, a_shop, a_store, a_template
from tests.conftest import StillClock

WANG = Redeemer("小王", verifier_id=1)
LI = Redeemer("小李", verifier_id=2)
TILL = Redeemer("till k01")


def use(shop: Shop, scan: str, *, store: str = "s01", by: Redeemer = WANG) -> Redeemed:
    with tenancy.acting_for(shop.merchant_id):
        return redeem(scan, here=place(store), by=by, now=business_clock.now())


def look(shop: Shop, scan: str, *, store: str = "s01") -> RedemptionPreview:
    with tenancy.acting_for(shop.merchant_id):
        return check(scan, here=place(store), now=business_clock.now())


def take_back(
    shop: Shop, redemption_id: int, *, by: Redeemer = WANG, store: str | None = None
) -> None:
    with tenancy.acting_for(shop.merchant_id):
        undo(redemption_id, by=by, store_code=store, reason="点错了", now=business_clock.now())


@pytest.mark.parametrize("said", ["{}", "CODE_128,{}", " {} ", "spaced"])
def test_a_number_is_taken_as_typed_or_scanned(app: Flask, said: str) -> None:
    shop = a_shop()
    number = number_of(a_coupon(shop, a_member(shop), a_template(shop)))
    spaced = f"{number[:4]} {number[4:8]}-{number[8:]}"
    done = use(shop, spaced if said == "spaced" else said.format(number))
    assert (done.number, done.store_code, done.by) == (number, "s01", "小王")


def test_redeeming_writes_state_record_event_and_message(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop, title="代金券"))
    done = use(shop, code_of(coupon, member))
    assert state_of(shop, coupon) == CouponState.REDEEMED
    assert events_of(shop, coupon) == [("usable", "redeemed", "小王")]
    (record,) = redemptions_of(shop, coupon)
    assert (record.id, record.live_key, record.member_id, record.by, record.request_id) == (
        done.id,
        coupon,
        member,
        "小王",
        "test",
    )
    with tenancy.acting_for(shop.merchant_id):
        (intent,) = db.session.scalars(select(Intent))
        assert (intent.member_id, intent.purpose) == (member, "coupon_redeemed")
        assert intent.facts["title"] == "代金券"


def test_looking_writes_nothing_and_shows_what_staff_need(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop, phone="18100004469", nickname="阿强")
    template = a_template(
        shop, kind="every_full", rule={"threshold_fen": 30000, "reduce_fen": 10000}
    )
    coupon = a_coupon(shop, member, template)
    sheet = look(shop, number_of(coupon))
    assert sheet.owner == "阿强 181****4469"
    assert sheet.give == "每满300元减100元，上不封顶"
    assert sheet.warnings == ["请核对消费满300元"]
    assert events_of(shop, coupon) == [] and redemptions_of(shop, coupon) == []
    assert state_of(shop, coupon) == CouponState.USABLE


def test_the_second_is_told_when_and_where_the_first_was(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_store(shop, "s02", "华强北店")
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    clock.move_to("2026-11-23 12:30")
    use(shop, number_of(coupon), store="s02", by=LI)
    clock.move_to("2026-11-24 09:00")
    for again in (use, look):
        with pytest.raises(CouponRedeemed) as refused:
            again(shop, number_of(coupon))
        assert refused.value.message == "该券已于2026-11-23 12:30在华强北店核销"
    assert len(redemptions_of(shop, coupon)) == 1


@pytest.mark.parametrize(
    ("template", "coupon", "code"),
    [
        ({}, {"state": CouponState.GIFTING}, "COUPON_GIFTING"),
        ({}, {"state": CouponState.REVOKED}, "COUPON_REVOKED"),
        ({"stores": ["s09"]}, {}, "STORE_NOT_ALLOWED"),
        ({"hours": {"weekdays": [], "hours": ["11:00-14:00"]}}, {}, "TIME_NOT_ALLOWED"),
    ],
)
def test_looking_refuses_exactly_as_redeeming_does(
    app: Flask, template: dict, coupon: dict, code: str
) -> None:
    shop = a_shop()
    number = number_of(a_coupon(shop, a_member(shop), a_template(shop, **template), **coupon))
    refusals: list[DomainError] = []
    for ask in (look, use):
        with pytest.raises(DomainError) as refused:
            ask(shop, number)
        refusals.append(refused.value)
    assert refusals[0].code == refusals[1].code == code
    assert refusals[0].message == refusals[1].message
    assert refusals[0].detail == refusals[1].detail


def test_unknown_foreign_forged_and_lettered_numbers_get_one_and_the_same_answer(
    app: Flask,
) -> None:
    shop, foreign = a_shop(), a_shop()
    member = a_member(foreign)
    theirs = a_coupon(foreign, member, a_template(foreign))
    ours = a_coupon(shop, a_member(shop), a_template(shop))
    forged = code_of(ours, 1)[:-1] + "A"
    scans = [
        number_of(theirs),
        code_of(theirs, member),
        "123456789012",
        "",
        "鱼香肉丝",
        f"J{number_of(ours)}",
        forged,
    ]
    answers = set()
    for scan in scans:
        for ask in (look, use):
            with pytest.raises(CouponNotFound) as refused:
                ask(shop, scan)
            answers.add((refused.value.message, str(refused.value.detail)))
    assert len(answers) == 1
    assert state_of(foreign, theirs) == CouponState.USABLE


def test_a_dynamic_code_dies_after_a_minute(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop))
    code = code_of(coupon, member)
    clock.at += timedelta(seconds=60)
    with pytest.raises(QrExpired):
        use(shop, code)
    clock.at -= timedelta(milliseconds=10)
    assert use(shop, code).number == number_of(coupon)


def test_a_code_dies_with_the_change_of_holder_but_not_with_joining(app: Flask) -> None:
    shop = a_shop()
    giver, taker, survivor = a_member(shop), a_member(shop), a_member(shop)
    template = a_template(shop)
    given, joined = a_coupon(shop, taker, template), a_coupon(shop, survivor, template)
    with pytest.raises(CouponNotFound):
        use(shop, code_of(given, giver))
    with transaction(), tenancy.acting_for(shop.merchant_id):
        younger = tenancy.find(Member, giver)
        assert younger is not None
        younger.alias_of_id = survivor
    assert use(shop, code_of(joined, giver)).number == number_of(joined)


def test_a_store_added_to_the_template_later_is_good_for_coupons_that_exist(app: Flask) -> None:
    from backend.coupons.models import CouponTemplate

    shop = a_shop()
    a_store(shop, "s02", "华强北")
    template = a_template(shop, stores=["s02"])
    coupon = a_coupon(shop, a_member(shop), template)
    with pytest.raises(DomainError) as refused:
        use(shop, number_of(coupon))
    assert refused.value.message == (
        f"皇岗店不能使用该票券,票券【消费号{number_of(coupon)}】不能使用!"
    )
    with transaction(), tenancy.acting_for(shop.merchant_id):
        row = tenancy.find(CouponTemplate, template)
        assert row is not None
        row.stores = ["s01"]
    use(shop, number_of(coupon))


def test_undoing_twice_has_the_effect_of_one(app: Flask) -> None:
    shop = a_shop()
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    first = use(shop, number_of(coupon))
    take_back(shop, first.id)
    assert state_of(shop, coupon) == CouponState.USABLE
    second = use(shop, number_of(coupon))
    take_back(shop, first.id)
    assert state_of(shop, coupon) == CouponState.REDEEMED
    take_back(shop, second.id)
    assert [event[:2] for event in events_of(shop, coupon)] == [
        ("usable", "redeemed"),
        ("redeemed", "usable"),
    ] * 2
    assert {row.undo_reason for row in redemptions_of(shop, coupon)} == {"点错了"}


@pytest.mark.parametrize(
    ("by", "limit"),
    [(WANG, timedelta(minutes=5)), (TILL, timedelta(hours=24))],
    ids=["verifier", "till"],
)
def test_an_undo_is_in_time_or_refused(
    app: Flask, clock: StillClock, by: Redeemer, limit: timedelta
) -> None:
    shop = a_shop()
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    done = use(shop, number_of(coupon), by=by)
    clock.at += limit
    with pytest.raises(UndoTooLate):
        take_back(shop, done.id, by=by)
    assert state_of(shop, coupon) == CouponState.REDEEMED
    clock.at -= timedelta(seconds=1)
    take_back(shop, done.id, by=by)
    assert state_of(shop, coupon) == CouponState.USABLE


def test_an_undo_does_not_revive_a_coupon_past_its_validity(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    clock.move_to("2026-11-23 12:00")
    coupon = a_coupon(shop, a_member(shop), a_template(shop), days=1)
    clock.move_to("2026-11-24 11:59")
    done = use(shop, number_of(coupon))
    clock.move_to("2026-11-24 12:00")
    take_back(shop, done.id)
    with pytest.raises(DomainError) as refused:
        use(shop, number_of(coupon))
    assert refused.value.code == "COUPON_EXPIRED"


def test_another_verifiers_another_stores_and_another_merchants_redemption_is_unknown(
    app: Flask,
) -> None:
    shop, foreign = a_shop(), a_shop()
    done = use(shop, number_of(a_coupon(shop, a_member(shop), a_template(shop))))
    for where, by, store in [
        (shop, LI, None),
        (shop, TILL, "s02"),
        (foreign, WANG, None),
        (foreign, TILL, "s01"),
    ]:
        with pytest.raises(RedemptionNotFound):
            take_back(where, done.id, by=by, store=store)
    take_back(shop, done.id, by=TILL, store="s01")
