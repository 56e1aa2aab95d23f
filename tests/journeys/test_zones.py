"""A merchant of another zone (field case F): every day, week, wave and shown time is its own.

New York changes its clocks on 1 November 2026 (back) and 14 March 2027 (forth); Tokyo never does.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend import tenancy
from backend.calendar import local
from backend.messaging import dispatch
from backend.messaging.models import Channel, Purpose
from scripts.wechat_platform.server import Platform
from tests.admin.desk import at_desk
from tests.backend.campaigns.plans import a_class_plan, a_periodic, coupons_of, gives, grants_of
from tests.backend.messaging.post import (
    a_customer,
    a_wechat_shop,
    accepts,
    has_template,
    intent,
    queue,
)
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import Shop, a_member, a_template
from tests.conftest import StillClock
from tests.journeys.customers import a_grant, enters
from tests.journeys.shops import apply_setup
from tests.journeys.working import work
from tests.miniprogram_api.pos.till import a_bill, till_of

NEW_YORK, TOKYO = ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    return a_wechat_shop(wechat)


def moves(app: Flask, folder: Path, shop: Shop, zone: ZoneInfo) -> None:
    """The operator writes the merchant's zone into the set-up file."""
    apply_setup(app, folder, f"merchants: [{{code: {shop.code}, zone: {zone.key}}}]")


def at(words: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("zone", "day", "nine"),
    [
        (TOKYO, "2026-11-23", "2026-11-23T00:00"),
        (NEW_YORK, "2026-10-31", "2026-10-31T13:00"),
        (NEW_YORK, "2026-11-01", "2026-11-01T14:00"),
        (NEW_YORK, "2027-03-14", "2027-03-14T13:00"),
    ],
)
def test_a_wave_runs_at_nine_there_also_on_the_day_the_clocks_change(
    app: Flask,
    tmp_path: Path,
    shop: Shop,
    clock: StillClock,
    zone: ZoneInfo,
    day: str,
    nine: str,
) -> None:
    moves(app, tmp_path, shop, zone)
    clock.at = at(f"{day} 00:00", zone)
    a_class_plan(shop)
    a_member(shop, follows=True)
    begin = clock.at.astimezone(UTC)
    ran = []
    for quarter in range(4 * 16):
        clock.at = begin + timedelta(minutes=15 * quarter)
        before = len(coupons_of(shop))
        work()
        if len(coupons_of(shop)) > before:
            ran.append(clock.at)
    assert ran == [datetime.fromisoformat(nine).replace(tzinfo=UTC)]


@pytest.mark.parametrize(("zone", "monday"), [(TOKYO, "2026-11-23"), (NEW_YORK, "2026-11-02")])
def test_the_week_ends_there_on_sunday_at_midnight(
    app: Flask, tmp_path: Path, shop: Shop, clock: StillClock, zone: ZoneInfo, monday: str
) -> None:
    """S0-08: granted in this week, they wait until Monday comes, their Monday."""
    moves(app, tmp_path, shop, zone)
    week_before = at(f"{monday} 09:00", zone) - timedelta(days=7)
    clock.at = week_before - timedelta(hours=1)
    a_template(shop, "one-day", days=1)
    a_class_plan(shop, parts={"ordinary": {"coupons": gives("one-day")}})
    a_member(shop, follows=True, consumptions=1)
    granted = []
    for half_day in range(17):
        clock.at = week_before + timedelta(hours=12 * half_day)
        if local(clock.at, zone).hour == 21:
            continue
        before = len(coupons_of(shop))
        work()
        if len(coupons_of(shop)) > before:
            granted.append(f"{local(clock.at, zone):%m-%d}")
    assert granted == [f"{week_before:%m-%d}", monday[5:]]


def test_a_validity_ends_at_midnight_there_and_is_answered_with_that_offset(
    app: Flask,
    http: FlaskClient,
    wechat: Platform,
    tmp_path: Path,
    shop: Shop,
    clock: StillClock,
) -> None:
    """Two natural days over the Sunday that has 25 hours; no answer keeps Shanghai's offset."""
    moves(app, tmp_path, shop, NEW_YORK)
    clock.at = at("2026-10-31 23:30", NEW_YORK)
    anna = wechat.person("Anna")
    a_template(shop, "two-days", days=2)
    a_grant(shop, enters(http, wechat, shop, anna).member_id, "two-days")
    guest = enters(http, wechat, shop, anna)
    [coupon] = guest.coupons()
    assert coupon["claimed_at"] == "2026-10-31T23:30:00-04:00"
    assert coupon["valid_from"] == "2026-10-31T00:00:00-04:00"
    assert coupon["valid_to"] == "2026-11-01T23:59:59-05:00"
    assert guest.answer["expires_at"].endswith("-05:00"), "in thirty days it is winter there"
    code = guest.get(f"/api/v1/me/coupons/{coupon['number']}/qr").get_json()
    assert code["expires_at"].endswith("-04:00")
    assert guest.get("/api/v1/me/qr").get_json()["expires_at"].endswith("-04:00")

    till = till_of(http, shop)
    clock.at = at("2026-11-02 00:00", NEW_YORK)
    refused = till.post("/coupons/check", {"scan": coupon["number"]})
    assert "2026-11-01" in refused.get_data(as_text=True)


def test_a_receipt_prints_the_times_of_the_shop_whatever_the_till_wrote(
    app: Flask, http: FlaskClient, tmp_path: Path, shop: Shop, clock: StillClock
) -> None:
    moves(app, tmp_path, shop, NEW_YORK)
    bill = a_bill(member_id=a_member(shop, phone="13800000001"))
    settled = till_of(http, shop).post("/bills/B1/settle", bill)
    told = settled.get_json()
    assert told["receipt"]["settled_at"] == "2026-11-22T19:00:00-05:00"
    assert "结账:11-22 19:00" in told["receipt_text"]
    again = till_of(http, shop).get("/bills/B1/receipt").get_json()
    assert "结账:11-22 19:00" in again["receipt_text"]


@pytest.mark.parametrize("zone", [TOKYO, NEW_YORK])
def test_quiet_hours_are_the_nights_of_the_shop(
    app: Flask,
    wechat: Platform,
    tmp_path: Path,
    shop: Shop,
    clock: StillClock,
    zone: ZoneInfo,
) -> None:
    moves(app, tmp_path, shop, zone)
    anna = a_customer(wechat, shop)
    has_template(shop, Channel.SUBSCRIBE, purpose=Purpose.CAMPAIGN_NEWS)
    accepts(wechat, anna)
    clock.at = at("2026-11-23 22:00", zone)
    news = queue(anna, purpose=Purpose.CAMPAIGN_NEWS)
    dispatch.send_due()
    held = intent(shop, news).not_before
    assert held is not None and held == at("2026-11-24 08:30", zone)
    clock.at = at("2026-11-24 08:29", zone)
    dispatch.send_due()
    assert not wechat.delivered(anna.person)
    clock.at = at("2026-11-24 08:30", zone)
    dispatch.send_due()
    assert len(wechat.delivered(anna.person)) == 1


@pytest.mark.parametrize(
    ("zone", "shown"), [(TOKYO, "2026-11-23 09:00"), (NEW_YORK, "2026-11-22 19:00")]
)
def test_the_desk_shows_the_times_of_the_shop(
    app: Flask, tmp_path: Path, shop: Shop, clock: StillClock, zone: ZoneInfo, shown: str
) -> None:
    moves(app, tmp_path, shop, zone)
    member = a_member(shop, phone="13800000001")
    number = number_of(a_coupon(shop, member, a_template(shop, "t")))
    visitor = at_desk(app, shop)
    for path in ("/admin/members/", f"/admin/coupons/?search={number}", "/admin/"):
        page = visitor.read(path)
        assert shown in page and "2026-11-23 08:00" not in page, path


@pytest.mark.parametrize("zone", [TOKYO, NEW_YORK, ZoneInfo("Pacific/Kiritimati")])
@pytest.mark.parametrize("changed_at", ["09:59", "10:00", "10:30", "23:30"])
def test_a_zone_changed_under_a_running_campaign_never_gives_a_day_twice(
    app: Flask,
    tmp_path: Path,
    shop: Shop,
    clock: StillClock,
    zone: ZoneInfo,
    changed_at: str,
) -> None:
    """A cycle is the day and time it was planned for there; each is given once, none is lost
    after the day of the change."""
    clock.move_to("2026-11-22 08:00")
    plan = a_periodic(shop)
    a_member(shop)
    change = clock.move_to(f"2026-11-23 {changed_at}")
    clock.move_to("2026-11-23 08:00")
    moved = False
    for _ in range(4 * 76):
        clock.at += timedelta(minutes=15)
        if clock.at > change and not moved:
            moves(app, tmp_path, shop, zone)
            moved = True
        work()
    cycles = [grant.cycle for grant in grants_of(shop, plan)]
    assert len(cycles) == len(set(cycles))
    assert set(cycles) >= {"2026-11-23@10:00", "2026-11-24@10:00", "2026-11-25@10:00"}
    with tenancy.acting_for(shop.merchant_id):
        assert all(grant.quantity == 1 for grant in grants_of(shop, plan))
