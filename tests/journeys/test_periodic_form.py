"""定期送券 at the desk (S3-02…21, 41): from the entry to the cycles that follow, as a merchant's
marketing sees it; who is meant, how many they are, and when."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend import tenancy
from backend.database import db, transaction
from backend.members.models import MemberLevel
from backend.merchants.models import Role
from scripts.wechat_platform.server import Platform
from tests.admin.desk import Visitor, at_desk
from tests.backend.campaigns.plans import change_member, grants_of
from tests.builders import Shop, a_member, a_template
from tests.conftest import StillClock
from tests.journeys.forms import as_shown
from tests.journeys.shops import a_journeys_shop, number_in
from tests.journeys.working import work
from tests.miniprogram_api.pos.till import a_bill, a_dish, till_of

NEW = "/admin/campaigns/new/?kind=periodic"


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    shop = a_journeys_shop(wechat)
    a_template(shop, "t1", title="老友券")
    return shop


@pytest.fixture
def staff(app: Flask, shop: Shop) -> Visitor:
    return at_desk(app, shop, Role.MARKETING)


def fills_in(staff: Visitor, path: str, **changes: object) -> TestResponse:
    """The form as it opens, with one coupon chosen and what the test is about."""
    shown: dict[str, object] = dict(as_shown(staff.read(path)))
    given = {"given-template": "t1", "given-quantity": "1", "then": "start"}
    return staff.send(path, **(shown | given | changes))


def eats(
    http: FlaskClient, shop: Shop, member: int, clock: StillClock, *, at: str, yuan: int = 100
) -> None:
    """A bill on the member's name, settled at that time."""
    clock.move_to(at)
    bill = a_bill(a_dish("D001", yuan), member_id=member, settled_at=clock.at.isoformat())
    settled = till_of(http, shop).post(f"/bills/{member}-{at[:10]}/settle", bill)
    assert settled.status_code == 201


def given_to(shop: Shop, clock: StillClock, *cycles: str) -> list[set[int]]:
    """Who was granted in each of these cycles."""
    for cycle in cycles:
        clock.move_to(cycle)
        work()
    days = [cycle[:10] for cycle in cycles]
    found = grants_of(shop)
    return [{g.member_id for g in found if g.cycle.startswith(day)} for day in days]


def test_S3_05_S3_06_S3_08_from_the_entry_to_the_list_with_name_and_tags(
    app: Flask, shop: Shop, staff: Visitor
) -> None:
    page = staff.read("/admin/")
    for entry in ("/admin/campaigns/", "/admin/campaigns/new/", NEW):
        assert f'href="{entry}"' in page.replace("&amp;", "&"), entry
        page = staff.read(entry)
    for name, tags in (("周四唤醒", "拉新 增购"), ("老友送券", "老带新")):
        wanted = {"weekdays": "4", "at": "10:00", "window": "anytime", "name": name, "tags": tags}
        assert fills_in(staff, NEW, **wanted).status_code == 302
    listed = staff.read("/admin/campaigns/")
    assert "周四唤醒" in listed and "老友送券" in listed and "拉新、增购" in listed
    flt = re.search(r'name="(flt\d+_\d+)"><option value="">全部</option><option[^>]*>增购<', listed)
    assert flt is not None
    for tag, shown, hidden in (
        ("拉新", "周四唤醒", "老友送券"),
        ("老带新", "老友送券", "周四唤醒"),
    ):
        found = staff.read(f"/admin/campaigns/?{flt[1]}={tag}")
        assert shown in found and hidden not in found


def test_S3_02_core_customers_are_found_by_name_and_given_every_month(
    shop: Shop, staff: Visitor, clock: StillClock
) -> None:
    friend = a_member(shop, phone="13900000001", nickname="王总")
    a_member(shop, phone="13900000002")
    found = staff.read("/admin/campaigns/find?exact=王总")
    chosen = as_shown(found)["member"]
    path = f"{NEW}&preset=核心客户维护"
    assert fills_in(staff, path, name="核心客户", member=chosen).status_code == 302
    months = ("2026-12-01 10:00", "2027-01-01 10:00")
    assert given_to(shop, clock, *months) == [{friend}, {friend}]


def test_S3_03_new_customers_are_looked_for_anew_every_week(
    shop: Shop, staff: Visitor, clock: StillClock
) -> None:
    """注册 7–30 天, 消费不到 3 次: one grows out of it, another grows into it."""
    clock.move_to("2026-11-05 12:00")
    leaving = a_member(shop, phone="13900000001", consumptions=2)
    clock.move_to("2026-11-20 12:00")
    staying = a_member(shop, phone="13900000002")
    a_member(shop, phone="13900000003", consumptions=3)
    clock.move_to("2026-11-23 08:00")
    assert fills_in(staff, f"{NEW}&preset=激活新客户", name="激活").status_code == 302
    clock.move_to("2026-12-01 12:00")
    coming = a_member(shop, phone="13900000004")
    thursdays = ("2026-12-03 10:00", "2026-12-10 10:00")
    assert given_to(shop, clock, *thursdays) == [{leaving, staying}, {staying, coming}]


def test_S3_04_sleeping_customers_are_looked_for_anew_every_week(
    http: FlaskClient, shop: Shop, staff: Visitor, clock: StillClock
) -> None:
    """近 15 天未消费, 近 90 天有消费."""
    asleep, awake, lost = (a_member(shop) for _ in range(3))
    eats(http, shop, lost, clock, at="2026-08-01 12:00")
    eats(http, shop, asleep, clock, at="2026-11-01 12:00")
    eats(http, shop, awake, clock, at="2026-11-22 12:00")
    clock.move_to("2026-11-23 08:00")
    assert fills_in(staff, f"{NEW}&preset=唤醒沉睡顾客", name="唤醒").status_code == 302
    thursdays = ("2026-12-03 10:00", "2026-12-10 10:00")
    assert given_to(shop, clock, *thursdays) == [{asleep}, {asleep, awake}]


LEVEL = {"c0-field": "level", "c0-chosen": "银卡"}
OFTEN = {"c1-field": "consumption_count", "c1-op": ">=", "c1-value": "2"}
LATELY = OFTEN | {"c1-value": "1", "c1-period": "days", "c1-days": "30"}
IN_MAY = {"c1-field": "consumption_amount", "c1-op": ">=", "c1-value": "150",
          "c1-period": "dates", "c1-dates": "2026-05-01 至 2026-05-31"}  # fmt: skip
AWAY = {"c1-field": "days_since_consumption", "c1-op": ">=", "c1-value": "100"}
REGISTERED = {"c2-field": "registered_at", "c2-dates": "2026-11-01 至 2026-11-30"}
BOUND = {"c3-field": "phone_bound", "c3-value": "yes"}
UNBOUND = {"c3-field": "phone_bound", "c3-value": "no"}


@pytest.mark.parametrize(
    ("conditions", "match", "people"),
    [
        ({}, "all", 4),
        (LEVEL, "all", 1),
        (OFTEN, "all", 1),
        (LATELY, "all", 1),
        (IN_MAY, "all", 1),
        (AWAY, "all", 1),
        (REGISTERED, "all", 1),
        (BOUND, "all", 2),
        (UNBOUND, "all", 2),
        (LEVEL | AWAY | UNBOUND, "all", 0),
        (LEVEL | AWAY | UNBOUND, "any", 3),
        (REGISTERED | BOUND, "all", 1),
        (REGISTERED | BOUND, "any", 2),
    ],
)
def test_S3_10_S3_11_S3_12_S3_13_S3_14_S3_15_the_form_counts_who_is_meant(
    http: FlaskClient,
    shop: Shop,
    staff: Visitor,
    clock: StillClock,
    conditions: dict[str, str],
    match: str,
    people: int,
) -> None:
    """A silver one; one who came in May, long ago; one registered this month; a mere visitor."""
    clock.move_to("2026-03-01 12:00")
    silver, may = a_member(shop, phone="13900000001"), a_member(shop)
    with_level(shop, silver)
    eats(http, shop, may, clock, at="2026-05-20 12:00", yuan=200)
    for day in ("2026-11-20", "2026-11-21"):
        eats(http, shop, silver, clock, at=f"{day} 12:00", yuan=50)
    a_member(shop, phone="13900000002")
    a_member(shop)
    clock.move_to("2026-11-23 08:00")
    shown = as_shown(staff.read(NEW)) | conditions | {"match": match}
    told = staff.send("/admin/campaigns/forecast", **shown).get_data(as_text=True)
    assert number_in(r'id="audience-count">([\d,]+) ', told) == people


def with_level(shop: Shop, member: int) -> None:
    with transaction(), tenancy.acting_for(shop.merchant_id):
        silver = MemberLevel(position=1, name="银卡")
        db.session.add(silver)
        db.session.flush()
        level_id = silver.id
    change_member(shop, member, level_id=level_id)


def test_S3_09_S3_16_S3_17_S3_18_S3_19_found_people_stay_meant_people_change(
    shop: Shop, staff: Visitor, clock: StillClock
) -> None:
    """精确搜索 by phone, 条件搜索, and 指定人 by the same condition: three campaigns, two days."""
    early = a_member(shop, phone="13900000001", nickname="老友")
    other = a_member(shop, phone="13900000002")
    daily = {"every": "day", "at": "10:00", "window": "anytime"}
    exact = as_shown(staff.read("/admin/campaigns/find?exact=13900000001"))["member"]
    audiences: dict[str, dict[str, object]] = {
        "精确": {"mode": "fixed", "search": "exact", "member": exact},
        "条件": {"mode": "fixed", "search": "conditions", **BOUND},
        "指定": {"mode": "dynamic", **BOUND},
    }
    for name, audience in audiences.items():
        assert fills_in(staff, NEW, name=name, **daily, **audience).status_code == 302
    late = a_member(shop, phone="13900000003")
    for day in (24, 25):
        clock.move_to(f"2026-11-{day} 10:00")
        work()
    by_campaign: dict[int, set[int]] = {}
    for grant in grants_of(shop):
        by_campaign.setdefault(grant.campaign_id, set()).add(grant.member_id)
    assert [by_campaign[key] for key in sorted(by_campaign)] == [
        {early}, {early, other}, {early, other, late},
    ]  # fmt: skip


def test_S3_20_S3_21_the_form_shows_the_next_five_dates(staff: Visitor) -> None:
    """每周四10:00, 每月8号和18号; it is Monday the 23rd: from the next period on."""
    staff.read(NEW)
    dates = {}
    for every, days in (("week", {"weekdays": "4"}), ("month", {"month_days": ["8", "18"]})):
        form = {"every": every, "at": "10:00", "mode": "dynamic", "match": "all", **days}
        told = staff.send("/admin/campaigns/forecast", **form).get_data(as_text=True)
        dates[every] = re.findall(r"2\d{3}-(\d\d-\d\d) 10:00", told)
    assert dates == {
        "week": ["12-03", "12-10", "12-17", "12-24", "12-31"],
        "month": ["12-08", "12-18", "01-08", "01-18", "02-08"],
    }


def test_S3_41_the_form_explains_fixed_and_dynamic(staff: Visitor) -> None:
    form = staff.read(NEW)
    assert "指定人：每期发券前按条件重新筛选，人会变化" in form
    assert "搜索人群：保存时选定的人，以后每期都是同样的人" in form
