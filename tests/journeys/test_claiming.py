"""领券 (S3-07, S3-22…26, S3-37): what was issued waits for a login, and becomes coupons by it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import JsonValue

from backend.messaging.models import Channel, Purpose
from scripts.wechat_platform.server import Platform
from tests.admin.desk import at_desk
from tests.backend.campaigns.plans import a_periodic, gives
from tests.backend.messaging.post import TPL, has_template
from tests.builders import Shop, a_template
from tests.conftest import StillClock
from tests.journeys.customers import enters
from tests.journeys.shops import a_journeys_shop
from tests.journeys.working import work, work_and_tell
from tests.miniprogram_api.pos.till import till_of


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    return a_journeys_shop(wechat)


def test_S3_25_a_login_claims_all_that_waits_and_who_stays_away_gets_nothing(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    """In the mini-program, or at the till that signs the customer in."""
    people = [wechat.person(phone=f"1390000000{n}") for n in range(3)]
    phoned, at_till, away = (enters(http, wechat, shop, person) for person in people)
    for guest in (phoned, at_till, away):
        code = wechat.phone_code(guest.person, shop.mini)
        assert guest.post("/api/v1/phone", {"code": code}).status_code == 200
    a_periodic(shop, claim_window={"kind": "days", "days": 2})
    clock.move_to("2026-11-24 10:00")
    work()
    assert [guest.coupons("all") for guest in (phoned, at_till, away)] == [[], [], []]
    assert len(enters(http, wechat, shop, phoned.person).answer["claimed"]) == 1
    assert enters(http, wechat, shop, phoned.person).answer["claimed"] == []
    known = till_of(http, shop).post("/members/identify", {"phone": "13900000001"}).get_json()
    assert [coupon["number"] for coupon in known["claimed"]] == at_till.numbers()
    assert away.coupons("all") == [], "no login, no claim"


@pytest.mark.parametrize(
    ("window", "login", "coupons"),
    [
        ({"kind": "same_day"}, "2026-11-24 23:59:59", 1),
        ({"kind": "same_day"}, "2026-11-25 00:00", 0),
        ({"kind": "days", "days": 2}, "2026-11-25 23:59:59", 1),
        ({"kind": "days", "days": 2}, "2026-11-26 00:00", 0),
        ({"kind": "anytime"}, "2027-06-01 12:00", 1),
    ],
)
def test_S3_22_S3_23_the_window_is_natural_days_and_the_day_of_issue_counts(
    http: FlaskClient,
    wechat: Platform,
    shop: Shop,
    clock: StillClock,
    window: dict[str, JsonValue],
    login: str,
    coupons: int,
) -> None:
    person = wechat.person()
    enters(http, wechat, shop, person)
    a_periodic(shop, claim_window=window)
    clock.move_to("2026-11-24 10:00")
    work()
    clock.move_to(login)
    assert len(enters(http, wechat, shop, person).answer["claimed"]) == coupons


def test_S3_24_a_hundred_coupons_come_with_one_login(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    person = wechat.person()
    enters(http, wechat, shop, person)
    a_template(shop, "many")
    a_periodic(shop, coupons=gives("many", quantity=100))
    clock.move_to("2026-11-24 10:00")
    work()
    assert len(enters(http, wechat, shop, person).answer["claimed"]) == 100


def test_S3_07_S3_37_validity_is_the_coupons_and_begins_with_the_claim(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    """Issued on Tuesday, claimed on Thursday; name and description stand with the coupon."""
    person = wechat.person()
    enters(http, wechat, shop, person)
    a_template(shop, "now", days=7)
    a_template(shop, "later", days=7, after_days=1)
    about = {"name": "老友周", "description": "每天都有一张券，记得来看看"}
    a_periodic(shop, coupons=gives("now", "later"), **about)
    clock.move_to("2026-11-24 10:00")
    work()
    clock.move_to("2026-11-26 18:00")
    guest = enters(http, wechat, shop, person)
    assert {c["template"]: (c["valid_from"][:10], c["valid_to"][:10]) for c in guest.coupons()} == {
        "now": ("2026-11-26", "2026-12-02"),
        "later": ("2026-11-27", "2026-12-03"),
    }
    shown = guest.get(f"/api/v1/me/coupons/{guest.numbers()[0]}").get_json()["campaign"]
    assert {name: shown[name] for name in about} == about


def test_S3_26_who_consented_is_told_by_the_mini_program_and_the_form_says_how(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    a_template(shop, "t1", title="周周送")
    has_template(shop, Channel.SUBSCRIBE, purpose=Purpose.COUPONS_WAITING, page="pages/coupons")
    told, silent = wechat.person(), wechat.person()
    guest, _ = enters(http, wechat, shop, told), enters(http, wechat, shop, silent)
    wechat.accept(told, shop.mini, TPL)
    assert guest.post("/api/v1/me/consents", {"results": {TPL: "accept"}}).status_code == 200
    a_periodic(shop, coupons=gives("t1"))
    clock.move_to("2026-11-24 10:00")
    work_and_tell()
    notices = [(m.channel.value, m.data.get("thing1")) for m in wechat.delivered(told)]
    assert notices == [("subscribe", "周周送")]
    assert wechat.delivered(silent) == []
    form = at_desk(app, shop).read("/admin/campaigns/new/?kind=periodic")
    assert "查看开启小程序通知的步骤" in form
