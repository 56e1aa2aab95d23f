"""暂时联系不上: a notice without a road waits, and what opens one sends it (field case D).

The platform's delivery log is the judge.
"""

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from backend import clock as business_clock
from backend import tenancy
from backend.database import db, transaction
from backend.members.models import Identity
from backend.membership.join import join
from backend.messaging import deliver, dispatch, held, roads
from backend.messaging.models import Channel, Purpose
from backend.visits import follow
from backend.visits.login import take_phone
from backend.wechat.callbacks import Push
from scripts.wechat_platform.server import Platform
from tests.backend.messaging.post import (
    SUBSCRIBE,
    TEMPLATE,
    Customer,
    a_customer,
    accepts,
    has_template,
    intent,
    queue,
    unfollows,
)
from tests.builders import Shop, a_member
from tests.conftest import StillClock

RECEIPT = Purpose.CONSUMPTION_COMPLETE


def of_anna(anna: Customer, kind: str, *, created_at: int = 2_000_000_000) -> Push:
    """A push about her at the official account."""
    with tenancy.acting_for(anna.shop.merchant_id):
        openid = db.session.scalar(
            text("select openid from wechat_user where id = :id"), {"id": anna.oa_user}
        )
    return Push(
        app_id=anna.shop.oa, openid=str(openid), account="gh", kind=kind,
        is_event=kind != "text", created_at=created_at, key="", text="",
        fields={}, dedupe_key=f"{kind}-{created_at}", encrypted=False, as_json=False,
    )  # fmt: skip


def waits(anna: Customer, *, purpose: Purpose = RECEIPT) -> int:
    message = queue(anna, purpose=purpose, key=f"m-{purpose}")
    assert dispatch.send_due() == {"unreachable": 1}
    assert dispatch.send_due() == {}
    return message


def test_a_follow_sends_what_was_settled_before_it(
    wechat: Platform, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    """消费完成 of the second in which the guest followed failed for ever."""
    has_template(shop, Channel.TEMPLATE, purpose=RECEIPT)
    unfollows(anna)
    message = waits(anna)
    follow.receive(of_anna(anna, "subscribe"), now=business_clock.now())
    assert intent(shop, message).state == "due"
    dispatch.send_due()
    assert (intent(shop, message).state, wechat.calls(TEMPLATE)) == ("sent", 1)


def test_a_consent_sends_it(wechat: Platform, shop: Shop, anna: Customer) -> None:
    has_template(shop, Channel.SUBSCRIBE, purpose=RECEIPT)
    message = waits(anna)
    accepts(wechat, anna)
    assert dispatch.send_due() == {"sent": 1}
    assert (intent(shop, message).state, wechat.calls(SUBSCRIBE)) == ("sent", 1)


def test_a_word_to_the_account_sends_it(wechat: Platform, shop: Shop, anna: Customer) -> None:
    message = waits(anna)
    follow.receive(of_anna(anna, "text"), now=business_clock.now())
    assert intent(shop, message).state == "due"


def test_a_join_and_a_phone_send_it(wechat: Platform, shop: Shop, anna: Customer) -> None:
    has_template(shop, Channel.TEMPLATE, purpose=RECEIPT)
    with tenancy.acting_for(shop.merchant_id):
        paper = a_member(shop, phone="13800138000")
        ben = Customer(shop, paper, anna.person, anna.oa_user, anna.mini_user)
    message = waits(ben)
    with tenancy.acting_for(shop.merchant_id):
        join(anna.member_id, paper, now=business_clock.now())
    assert dispatch.send_due() == {"sent": 1}
    assert intent(shop, message).state == "sent"


def test_a_phone_that_is_bound_makes_it_due(wechat: Platform, shop: Shop, anna: Customer) -> None:
    message = waits(anna)
    with tenancy.acting_for(shop.merchant_id):
        take_phone(anna.member_id, "13900139000", now=business_clock.now())
    assert intent(shop, message).state == "due"


def test_a_road_that_opens_while_the_row_is_weighed_is_taken(
    wechat: Platform, shop: Shop, anna: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dispatcher finds no road, the person accepts, only then is the row put aside."""
    has_template(shop, Channel.SUBSCRIBE, purpose=RECEIPT)
    weighed = deliver._weighed
    looks: list[object] = []

    def accepted_in_between(*asked: object) -> object:
        found = weighed(*asked)  # type: ignore[arg-type]
        looks.append(found)
        if len(looks) == 1:
            accepts(wechat, anna)
        return found

    monkeypatch.setattr(deliver, "_weighed", accepted_in_between)
    queue(anna, purpose=RECEIPT)
    assert dispatch.send_due() == {"sent": 1}
    assert looks[0] is None and len(looks) == 2


def test_it_waits_until_it_would_be_no_use_and_is_no_failure(
    wechat: Platform, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    message = waits(anna)
    clock.at += timedelta(hours=24)
    assert dispatch.send_due() == {"expired": 1}
    accepts(wechat, anna)
    has_template(shop, Channel.SUBSCRIBE, purpose=RECEIPT)
    assert dispatch.send_due() == {}
    assert intent(shop, message).state == "expired"


def test_many_that_end_at_one_moment_all_end(
    wechat: Platform, shop: Shop, anna: Customer, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.messaging.leases._PUT_AWAY_AT_ONCE", 2)
    for number in range(5):
        queue(anna, purpose=RECEIPT, key=f"n{number}")
    assert dispatch.send_due() == {"unreachable": 5}
    clock.at += timedelta(hours=24)
    assert dispatch.send_due() == {"expired": 5}


def test_nobody_waits_for_marketing(
    wechat: Platform, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    clock.move_to("2026-11-23 10:00")
    queue(anna, purpose=Purpose.CAMPAIGN_NEWS)
    assert dispatch.send_due() == {"failed": 1}


def test_only_the_own_rows_wake(wechat: Platform, shop: Shop, anna: Customer) -> None:
    ben = a_customer(wechat, shop)
    theirs = [queue(who, purpose=RECEIPT, key=f"of-{who.member_id}") for who in (anna, ben)]
    assert dispatch.send_due() == {"unreachable": 2}
    assert roads.opened([anna.member_id]) == 1
    assert [intent(shop, one).state for one in theirs] == ["due", "unreachable"]


def test_what_wakes_them_finds_them_by_member_and_state(shop: Shop, anna: Customer) -> None:
    """However many wait: no row of anybody else is read."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("the plan of SQLite")
    plan = db.session.execute(
        text(
            "explain query plan update intent set state='due'"
            " where member_id in (1, 2) and state='unreachable'"
        )
    ).all()
    assert any("ix_intent_member_id_state (member_id=? AND state=?)" in row[3] for row in plan)
    late = db.session.execute(
        text(
            "explain query plan select id from intent"
            " where state in ('due', 'unreachable') and not_after <= '2026-01-01' limit 1"
        )
    ).all()
    assert any("(state=? AND not_after<?)" in row[3] for row in late)


def test_after_a_restore_they_wait_for_a_person(shop: Shop, anna: Customer) -> None:
    message = waits(anna)
    assert held.hold_due() == 1
    assert roads.opened([anna.member_id]) == 0
    assert intent(shop, message).state == "held"


def test_an_unfollow_opens_nothing(shop: Shop, anna: Customer) -> None:
    message = waits(anna)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.execute(
            update(Identity)
            .where(Identity.wechat_user_id == anna.oa_user)
            .values(followed_at=business_clock.now())
        )
    follow.receive(of_anna(anna, "unsubscribe"), now=business_clock.now())
    assert intent(shop, message).state == "unreachable"
