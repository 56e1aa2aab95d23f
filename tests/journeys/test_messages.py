"""Messages as a customer sees them: what is done in the shop and given by campaigns arrives once on
their phone, through whichever road is open (S0-26 … S0-29, S3-26, R-16; spec/06)."""

import pytest
from flask.testing import FlaskClient
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select

from backend import background, tenancy
from backend.campaigns import reminders, waves
from backend.database import db
from backend.messaging import dispatch
from backend.messaging.models import Channel, Consent, Intent, IntentState, Purpose
from jobs import waves as ticks
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.server import Platform
from tests.backend.campaigns.plans import a_class_plan, a_periodic, gives
from tests.backend.messaging.post import TEMPLATE, TPL, a_wechat_shop, has_template
from tests.builders import Shop, a_template, reread
from tests.conftest import StillClock
from tests.journeys.customers import enters


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    return a_wechat_shop(wechat)


def jobs_run(shop: Shop, clock: StillClock) -> int:
    """What the ticks and the workers do at this moment; how many reminders were written."""
    waves.open_due(clock.at)
    with tenancy.acting_for(shop.merchant_id):
        for _, wave_id in waves.unfinished():
            waves.run(wave_id, at=clock.at)
    told = reminders.run(clock.at)
    dispatch.send_due()
    return told


def titles(wechat: Platform, person: Person) -> list[tuple[str, object]]:
    return [(m.channel.value, m.data.get("thing1")) for m in wechat.delivered(person)]


def test_a_follower_is_told_of_the_gift_and_reminded_of_it_once(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    a_template(shop, "t30", title="满100减10", days=30)
    a_class_plan(shop, parts={"new": {"on": True, "coupons": gives("t30")}})
    has_template(shop, Channel.TEMPLATE)
    has_template(shop, Channel.TEMPLATE, purpose=Purpose.COUPON_EXPIRING)
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    dispatch.send_due()
    assert titles(wechat, anna) == [("template", "满100减10")]
    clock.move_to("2026-12-14 09:00")
    assert jobs_run(shop, clock) == 0
    clock.move_to("2026-12-15 09:00")
    assert jobs_run(shop, clock) == 1
    clock.move_to("2026-12-15 16:00")
    assert jobs_run(shop, clock) == 0
    assert titles(wechat, anna) == [("template", "满100减10")] * 2


def test_who_writes_to_the_account_is_not_reminded(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    a_template(shop, "t30", days=30)
    a_class_plan(shop, parts={"new": {"on": True, "coupons": gives("t30")}})
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    clock.move_to("2026-12-10 12:00")
    wechat.say(anna, shop.oa, "你好")
    clock.move_to("2026-12-15 09:00")
    assert jobs_run(shop, clock) == 0
    clock.move_to("2026-12-17 16:00")
    assert jobs_run(shop, clock) == 1


def test_one_tap_reported_by_phone_and_push_is_one_message(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    a_template(shop, "p", title="周周送")
    has_template(shop, Channel.SUBSCRIBE, purpose=Purpose.COUPONS_WAITING, page="pages/coupons")
    anna = wechat.person()
    customer = enters(http, wechat, shop, anna)
    wechat.accept(anna, shop.mini, TPL)
    assert customer.post("/api/v1/me/consents", {"results": {TPL: "accept"}}).status_code == 200
    reread()
    assert db.session.scalars(select(Consent.remaining)).one() == 1
    a_periodic(shop, coupons=gives("p"))
    clock.move_to("2026-11-24 10:00")
    jobs_run(shop, clock)
    assert titles(wechat, anna) == [("subscribe", "周周送")]
    clock.move_to("2026-11-25 10:00")
    jobs_run(shop, clock)
    assert len(wechat.delivered(anna)) == 1
    reread()
    with tenancy.acting_for(shop.merchant_id):
        states = list(db.session.scalars(select(Intent.state).order_by(Intent.id)))
    assert states == [IntentState.SENT, IntentState.UNREACHABLE]


def test_a_ban_in_the_dialog_ends_the_messages(
    http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    customer = enters(http, wechat, shop, wechat.person())
    for choice in ("accept", "ban"):
        customer.post("/api/v1/me/consents", {"results": {TPL: choice}})
    reread()
    row = db.session.scalars(select(Consent)).one()
    assert (row.remaining, row.banned) == (0, True)


def test_a_receipt_settles_the_message_whose_answer_was_lost(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    a_template(shop, "t30", title="满100减10", days=30)
    a_class_plan(shop, parts={"new": {"on": True, "coupons": gives("t30")}})
    has_template(shop, Channel.TEMPLATE)
    wechat.fail(TEMPLATE, truncate=True)
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    assert dispatch.send_due() == {"unknown": 1}
    assert wechat.push_waiting() == 1
    reread()
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Intent.state)).one() == IntentState.SENT
    assert dispatch.send_due() == {}
    assert len(wechat.delivered(anna)) == 1


def test_an_unfollower_is_not_reminded_and_a_returning_follower_is(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    a_template(shop, "t30", title="满100减10", days=30)
    a_class_plan(shop, parts={"new": {"on": True, "coupons": gives("t30")}})
    has_template(shop, Channel.TEMPLATE, purpose=Purpose.COUPON_EXPIRING)
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    wechat.unfollow(anna, shop.oa)
    clock.move_to("2026-12-15 09:00")
    assert jobs_run(shop, clock) == 0
    assert wechat.delivered(anna) == []
    wechat.follow(anna, shop.oa)
    clock.move_to("2026-12-15 16:00")
    assert jobs_run(shop, clock) == 1
    assert titles(wechat, anna) == [("template", "满100减10")]


def test_without_any_template_the_gift_is_told_within_a_minute_of_the_follow(
    http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    a_template(shop, "t30", title="满100减10", days=30)
    a_class_plan(shop, parts={"new": {"on": True, "coupons": gives("t30")}})
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    assert dispatch.send_due() == {"sent": 1}
    assert titles(wechat, anna) == [("custom", None)]


def test_S0_27_every_slot_hands_out_its_reminders_whatever_the_one_before_did(
    http: FlaskClient, shop: Shop, clock: StillClock
) -> None:
    """A worker sent to one slot is no reason to let the next wait."""
    queue = Queue(background.UPKEEP, connection=background.redis(), serializer=JSONSerializer)
    sent = []
    for slot in ("2026-12-14 09:00", "2026-12-14 16:00"):
        clock.move_to(slot)
        for _ in range(2):
            ticks.tick.__wrapped__()  # type: ignore[attr-defined]
        sent.append(queue.count)
    assert sent == [1, 2]
