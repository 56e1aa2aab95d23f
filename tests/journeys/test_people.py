"""People at the mini-program: log in, receive what waits, bind a phone, turn out to be one person.

S3-25, S4-17; spec/01 (members), spec/08 (customer).
"""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import JsonValue
from sqlalchemy import delete, select

from backend import clock as business_clock
from backend import tenancy
from backend.campaigns.models import Grant
from backend.coupons.models import Coupon, CouponState, CouponTemplate
from backend.database import db, transaction
from backend.members.models import Member
from backend.merchants.models import Merchant
from backend.wechat.models import WechatApp
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.server import Platform
from tests.backend.campaigns.plans import a_periodic, gives
from tests.builders import Shop, a_member, a_shop, a_store, a_template, reread
from tests.conftest import StillClock
from tests.journeys.customers import Customer, a_grant, enters

pytestmark = pytest.mark.usefixtures("wechat")


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    shop = a_shop("huoguo")
    for app_id, kind in ((shop.oa, "official_account"), (shop.mini, "miniprogram")):
        wechat.account(app_id, kind, f"secret-{app_id}", union_group="g1")
    return shop


def test_a_first_login_makes_a_member_of_the_first_level(
    http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    person = wechat.person("小红")
    code = wechat.login_code(person, shop.mini)
    answer = http.post("/api/v1/login", json={"app_id": shop.mini, "code": code})
    assert answer.status_code == 200
    told = answer.get_json()
    assert told["expires_at"] == "2026-12-23T08:00:00+08:00"
    assert told["is_new"] is True
    assert told["claimed"] == []
    assert told["member"] == {
        "id": told["member"]["id"],
        "nickname": "",
        "phone_masked": None,
        "class": "new",
        "level": "普通会员",
        "points": 0,
        "balance_fen": 0,
    }
    again = enters(http, wechat, shop, person)
    assert (again.answer["is_new"], again.member_id) == (False, told["member"]["id"])


def test_what_waits_is_claimed_by_the_login_itself(
    http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    person = wechat.person()
    a_template(shop, "t300", title="每满300减100", days=30)
    me = enters(http, wechat, shop, person)
    a_grant(shop, me.member_id, "t300", quantity=2)
    told = enters(http, wechat, shop, person).answer["claimed"]
    assert len(told) == 2
    coupon = told[0]
    assert coupon == {
        "number": coupon["number"],
        "title": "每满300减100",
        "kind": "cash",
        "state": "usable",
        "valid_from": "2026-11-23T00:00:00+08:00",
        "valid_to": "2026-12-22T23:59:59+08:00",
        "rule": {"value_fen": 1000},
        "minimum_fen": 0,
        "stores": "all",
        "campaign": coupon["campaign"],
        "template_id": coupon["template_id"],
        "template": "t300",
        "giftable": False,
        "source": "local",
        "claimed_at": "2026-11-23T08:00:00+08:00",
        "redeemed_at": None,
        "redeemed_store": None,
    }
    assert set(coupon["campaign"]) == {"id", "code", "name", "description"}
    assert enters(http, wechat, shop, person).answer["claimed"] == []
    assert me.numbers() == sorted([c["number"] for c in told], key=me.numbers().index)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"code": "made-up"}, 401, "LOGIN_CODE_INVALID"),
        ({"app_id": "wxnobody"}, 404, "APP_NOT_FOUND"),
        ({"app_id": None}, 400, "PARAM_ERROR"),
        ({"code": 5}, 400, "PARAM_ERROR"),
        ({"code": ""}, 400, "PARAM_ERROR"),
        ({"store": ["s01"]}, 400, "PARAM_ERROR"),
    ],
)
def test_a_login_that_cannot_be(
    http: FlaskClient,
    wechat: Platform,
    shop: Shop,
    body: Mapping[str, JsonValue],
    status: int,
    code: str,
) -> None:
    good = {"app_id": shop.mini, "code": wechat.login_code(wechat.person(), shop.mini)}
    answer = http.post("/api/v1/login", json=good | dict(body))
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert set(answer.get_json()) == {"code", "message", "detail", "request_id"}


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff", b""])
def test_a_malformed_login_names_what_is_wrong(http: FlaskClient, body: bytes) -> None:
    answer = http.post("/api/v1/login", data=body)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "PARAM_ERROR")


def test_an_official_account_is_no_mini_program(
    http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    code = wechat.login_code(wechat.person(), shop.oa)
    answer = http.post("/api/v1/login", json={"app_id": shop.oa, "code": code})
    assert (answer.status_code, answer.get_json()["code"]) == (404, "APP_NOT_FOUND")


def test_without_wechat_nobody_comes_in(http: FlaskClient, wechat: Platform, shop: Shop) -> None:
    code = wechat.login_code(wechat.person(), shop.mini)
    wechat.fail("/sns/jscode2session", errcode=-1)
    answer = http.post("/api/v1/login", json={"app_id": shop.mini, "code": code})
    assert (answer.status_code, answer.get_json()["code"]) == (503, "WECHAT_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) >= 1


def test_thirty_logins_a_minute_are_enough(http: FlaskClient, wechat: Platform, shop: Shop) -> None:
    person = wechat.person()
    for _ in range(30):
        enters(http, wechat, shop, person)
    code = wechat.login_code(person, shop.mini)
    answer = http.post("/api/v1/login", json={"app_id": shop.mini, "code": code})
    assert (answer.status_code, answer.get_json()["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    enters(http, wechat, shop, wechat.person())


def test_a_login_repeated_under_its_key_is_answered_again(
    http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    body = {"app_id": shop.mini, "code": wechat.login_code(wechat.person(), shop.mini)}
    first, again = (
        http.post("/api/v1/login", json=body, headers={"Idempotency-Key": "login-1"})
        for _ in range(2)
    )
    assert first.get_json() == again.get_json()
    assert again.status_code == 200


@pytest.fixture
def shared(wechat: Platform) -> str:
    """The operator's mini-program."""
    wechat.account("wxoperator", "miniprogram", "secret-wxoperator")
    with transaction():
        db.session.add(
            WechatApp(app_id="wxoperator", kind="miniprogram", secret="secret-wxoperator")
        )
    return "wxoperator"


@pytest.mark.parametrize(
    "said",
    [
        {"scene": "s:huoguo:s01"},
        {"scene": "s%3Ahuoguo%3As01"},
        {"store": "s:huoguo:s01"},
        {"store": "only-here"},
    ],
)
def test_at_the_operators_mini_program_the_store_says_which_merchant(
    http: FlaskClient, wechat: Platform, shop: Shop, shared: str, said: dict[str, str]
) -> None:
    a_shop("other")
    a_store(shop, "only-here", "莲塘")
    code = wechat.login_code(wechat.person(), shared)
    answer = http.post("/api/v1/login", json={"app_id": shared, "code": code} | said)
    assert answer.status_code == 200
    with tenancy.acting_for(shop.merchant_id):
        member = tenancy.find(Member, answer.get_json()["member"]["id"])
        assert member is not None and member.store_id is not None


def test_at_the_operators_mini_program_a_store_means_who_has_no_mini_program(
    http: FlaskClient, wechat: Platform, shop: Shop, shared: str
) -> None:
    guest = a_shop("guest")
    with transaction(), tenancy.across_merchants("the test"):
        db.session.execute(delete(WechatApp).where(WechatApp.app_id == guest.mini))
    body = {"app_id": shared, "code": wechat.login_code(wechat.person(), shared), "store": "s01"}
    answer = http.post("/api/v1/login", json=body)
    assert answer.status_code == 200
    with tenancy.acting_for(guest.merchant_id):
        assert tenancy.find(Member, answer.get_json()["member"]["id"]) is not None


@pytest.mark.parametrize("said", [{}, {"store": "s01"}, {"scene": "s:huoguo:none"}])
def test_at_the_operators_mini_program_no_one_merchant_is_no_login(
    http: FlaskClient, wechat: Platform, shop: Shop, shared: str, said: dict[str, str]
) -> None:
    a_shop("other")
    code = wechat.login_code(wechat.person(), shared)
    answer = http.post("/api/v1/login", json={"app_id": shared, "code": code} | said)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "PARAM_ERROR")


def test_a_token_is_good_for_thirty_days(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    me = enters(http, wechat, shop, wechat.person())
    clock.move_to("2026-12-23 07:59")
    assert me.get("/api/v1/me").status_code == 200
    clock.move_to("2026-12-23 08:00")
    answer = me.get("/api/v1/me")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer made-up", "Basic abc", "Bearer a.b"])
def test_without_a_good_token_nobody_is_logged_in(http: FlaskClient, header: str) -> None:
    answer = http.get("/api/v1/me", headers={"Authorization": header})
    assert (answer.status_code, answer.get_json()["code"]) == (401, "UNAUTHENTICATED")


def test_twenty_calls_a_second_are_enough(http: FlaskClient, wechat: Platform, shop: Shop) -> None:
    me = enters(http, wechat, shop, wechat.person())
    answers = [me.get("/api/v1/me").status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]


def test_me_tells_the_level_and_its_rights(http: FlaskClient, wechat: Platform, shop: Shop) -> None:
    me = enters(http, wechat, shop, wechat.person())
    told = me.get("/api/v1/me").get_json()
    assert told["rights"] == {"discount_bp": 10000, "text": ""}
    assert (told["level"], told["unread"], told["registered_at"]) == ("普通会员", 0, None)


# Phone


def test_binding_a_phone_registers(http: FlaskClient, wechat: Platform, shop: Shop) -> None:
    person = wechat.person(phone="18112344469")
    me = enters(http, wechat, shop, person)
    answer = me.post("/api/v1/phone", {"code": wechat.phone_code(person, shop.mini)})
    assert answer.status_code == 200
    assert answer.get_json()["phone_masked"] == "181****4469"
    registered_at = me.get("/api/v1/me").get_json()["registered_at"]
    assert registered_at == "2026-11-23T08:00:00+08:00"


def test_a_phone_code_is_good_once(http: FlaskClient, wechat: Platform, shop: Shop) -> None:
    person = wechat.person(phone="18112344469")
    me = enters(http, wechat, shop, person)
    code = wechat.phone_code(person, shop.mini)
    assert me.post("/api/v1/phone", {"code": code}).status_code == 200
    assert me.post("/api/v1/phone", {"code": code}).get_json()["code"] == "PHONE_CODE_INVALID"


def test_the_phone_of_an_older_member_joins_the_two_and_brings_what_waited(
    http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    a_template(shop, "t300")
    known = a_member(
        shop,
        phone="18112344469",
        nickname="老王",
        consumptions=1,
        joined_at=business_clock.now() - timedelta(days=400),
    )
    a_grant(shop, known, "t300", quantity=1)
    person = wechat.person(phone="18112344469")
    me = enters(http, wechat, shop, person)
    assert me.member_id != known
    told = me.post("/api/v1/phone", {"code": wechat.phone_code(person, shop.mini)}).get_json()
    assert (told["id"], told["nickname"], told["class"]) == (known, "老王", "ordinary")
    assert [c["template"] for c in told["claimed"]] == ["t300"]
    assert me.get("/api/v1/me").get_json()["id"] == known, "an alias's token leads to the survivor"
    assert len(me.numbers()) == 1
    assert enters(http, wechat, shop, person).member_id == known


def test_two_wechats_with_one_phone_are_one_member(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    a_template(shop, "t300")
    first, second = wechat.person(phone="18112344469"), wechat.person(phone="18112344469")
    one = enters(http, wechat, shop, first)
    one.post("/api/v1/phone", {"code": wechat.phone_code(first, shop.mini)})
    clock.move_to("2026-11-24 08:00")
    two = enters(http, wechat, shop, second)
    a_grant(shop, two.member_id, "t300")
    two.post("/api/v1/phone", {"code": wechat.phone_code(second, shop.mini)})
    assert two.get("/api/v1/me").get_json()["id"] == one.member_id
    assert one.numbers() == two.numbers() != []


def test_a_follower_known_by_unionid_finds_their_coupons_at_login(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    from backend.members.recognise import by_wechat

    a_template(shop, "t300")
    person = wechat.person()
    now = business_clock.now()
    with tenancy.acting_for(shop.merchant_id):
        openid = wechat.openid(person, shop.oa)
        came = by_wechat(shop.oa, openid, None, channel="follow", store_id=None, now=now)
        followed = came.member.id
    a_grant(shop, followed, "t300")
    me = enters(http, wechat, shop, person)
    assert me.answer["is_new"] is True, "nothing yet says that the two are one"
    with tenancy.acting_for(shop.merchant_id):
        from backend.membership.join import join_same_person

        union = _unionid(wechat, person, shop)
        came = by_wechat(shop.oa, openid, union, channel="follow", store_id=None, now=now)
        assert join_same_person(came, now=now).member.id == followed
    reread()
    again = enters(http, wechat, shop, person)
    assert again.member_id == followed
    assert [c["template"] for c in again.answer["claimed"]] == ["t300"]


def _unionid(wechat: Platform, person: Person, shop: Shop) -> str:
    from scripts.wechat_platform.accounts import known_account

    union = wechat.unionid(person, known_account(wechat.world.store, shop.oa))
    assert union is not None
    return union


# Card pack


@pytest.fixture
def me(http: FlaskClient, wechat: Platform, shop: Shop) -> Customer:
    return enters(http, wechat, shop, wechat.person())


def test_the_card_pack_shows_the_soonest_to_expire_first_page_by_page(
    http: FlaskClient, shop: Shop, wechat: Platform, me: Customer
) -> None:
    for days in (30, 7, 15):
        a_template(shop, f"t{days}", days=days)
        a_grant(shop, me.member_id, f"t{days}", quantity=2)
    me = enters(http, wechat, shop, me.person)
    page = me.get("/api/v1/me/coupons?limit=4").get_json()
    rest = me.get(f"/api/v1/me/coupons?limit=4&cursor={page['next_cursor']}").get_json()
    shown = page["items"] + rest["items"]
    assert [c["template"] for c in shown] == ["t7", "t7", "t15", "t15", "t30", "t30"]
    assert len({c["number"] for c in shown}) == 6
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "limit=-1", "cursor=zzz", "cursor=%00", "state=used",
     "limit=99999999999999999999", "limit=00999", "limit=²",
     "cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5LjE", "cursor=MS45OTk5OTk5OTk5OTk5OTk5OTk5OQ"],
)  # fmt: skip
def test_a_list_asked_for_wrongly_says_so(me: Customer, query: str) -> None:
    answer = me.get(f"/api/v1/me/coupons?{query}")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "PARAM_ERROR")


def test_a_coupon_is_expired_at_the_very_instant(
    http: FlaskClient, wechat: Platform, shop: Shop, me: Customer, clock: StillClock
) -> None:
    a_template(shop, "t7", days=7)
    a_grant(shop, me.member_id, "t7")
    number = enters(http, wechat, shop, me.person).numbers()[0]
    clock.at = clock.move_to("2026-11-30 00:00") - timedelta(microseconds=1)
    assert me.get(f"/api/v1/me/coupons/{number}").get_json()["state"] == "usable"
    clock.move_to("2026-11-30 00:00")
    assert me.get(f"/api/v1/me/coupons/{number}").get_json()["state"] == "expired"
    assert me.numbers() == []
    assert me.numbers("expired") == me.numbers("all") == [number]
    refused = me.get(f"/api/v1/me/coupons/{number}/qr")
    assert (refused.status_code, refused.get_json()["message"]) == (422, "该券已于2026-11-29过期")


@pytest.mark.parametrize(
    ("stored", "lock_over", "shown"),
    [
        (CouponState.LOCKED, False, "locked"),
        (CouponState.LOCKED, True, "usable"),
        (CouponState.GIFTING, False, "gifting"),
        (CouponState.REDEEMED, False, "redeemed"),
        (CouponState.REVOKED, False, "revoked"),
    ],
)
def test_every_state_is_told_and_listed_as_itself(
    http: FlaskClient,
    wechat: Platform,
    shop: Shop,
    me: Customer,
    stored: CouponState,
    lock_over: bool,
    shown: str,
) -> None:
    a_template(shop, "t30")
    a_grant(shop, me.member_id, "t30")
    number = enters(http, wechat, shop, me.person).numbers()[0]
    until = business_clock.now() + timedelta(minutes=0 if lock_over else 15)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        coupon = db.session.scalars(select(Coupon)).one()
        coupon.state, coupon.locked_until = stored, until
    assert me.get(f"/api/v1/me/coupons/{number}").get_json()["state"] == shown
    for state in ("usable", "locked", "gifting", "redeemed", "expired", "revoked"):
        assert me.numbers(state) == ([number] if state == shown else [])
    assert me.numbers("all") == [number]


def test_somebody_elses_coupon_is_unknown(
    http: FlaskClient, wechat: Platform, shop: Shop, me: Customer
) -> None:
    a_template(shop, "t30")
    a_grant(shop, me.member_id, "t30")
    number = enters(http, wechat, shop, me.person).numbers()[0]
    other = enters(http, wechat, shop, wechat.person())
    for path in (number, f"{number}/qr", "000000000000", "x", f"{number}/qr?x=1"):
        answer = other.get(f"/api/v1/me/coupons/{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "COUPON_NOT_FOUND")


def test_the_coupons_code_refreshes_and_the_old_one_dies(
    http: FlaskClient, wechat: Platform, shop: Shop, me: Customer, clock: StillClock
) -> None:
    from backend.coupons import qr
    from backend.coupons.errors import QrExpired
    from backend.keys import purpose_key

    a_template(shop, "t30")
    a_grant(shop, me.member_id, "t30")
    number = enters(http, wechat, shop, me.person).numbers()[0]
    first = me.get(f"/api/v1/me/coupons/{number}/qr").get_json()
    assert first["expires_at"] == "2026-11-23T08:01:00+08:00"
    assert first["svg"].startswith("<svg") or "<svg" in first["svg"]
    clock.move_to("2026-11-23 08:01")
    second = me.get(f"/api/v1/me/coupons/{number}/qr").get_json()
    assert second["text"] != first["text"]
    key = purpose_key("coupon-qr")
    assert qr.read(key, second["text"], now=clock.at).member_id == me.member_id
    with pytest.raises(QrExpired):
        qr.read(key, first["text"], now=clock.at)


def test_stores_added_later_reach_a_coupon_already_given(
    http: FlaskClient, wechat: Platform, shop: Shop, me: Customer
) -> None:
    a_store(shop, "s02", "莲塘店")
    a_template(shop, "t30", stores=["s01"])
    a_grant(shop, me.member_id, "t30")
    enters(http, wechat, shop, me.person)
    assert [s["code"] for s in me.coupons()[0]["stores"]] == ["s01"]
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.scalars(select(CouponTemplate)).one().stores = ["s01", "s02"]
    assert me.coupons()[0]["stores"] == [
        {"code": "s01", "name": "皇岗", "address": "", "phone": ""},
        {"code": "s02", "name": "莲塘店", "address": "", "phone": ""},
    ]


def test_consents_are_kept(http: FlaskClient, me: Customer) -> None:
    assert me.post("/api/v1/me/consents", {"results": {"T1": "accept"}}).status_code == 200
    answer = me.post("/api/v1/me/consents", {"results": {"T1": "maybe"}})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "PARAM_ERROR")
    from backend.messaging.models import Consent

    reread()
    assert [c.remaining for c in db.session.scalars(select(Consent))] == [1]


def test_where_the_merchant_chose_so_the_first_login_registers(
    http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    with transaction():
        db.session.get_one(Merchant, shop.merchant_id).registration = "login"
    me = enters(http, wechat, shop, wechat.person())
    assert me.get("/api/v1/me").get_json()["registered_at"] == "2026-11-23T08:00:00+08:00"


# At the till


def test_the_member_code_at_the_till_counts_as_a_login(
    http: FlaskClient, shop: Shop, me: Customer, clock: StillClock
) -> None:
    from backend.coupons.errors import QrExpired
    from backend.visits.at_counter import identify

    a_template(shop, "t30")
    a_grant(shop, me.member_id, "t30")
    text = me.get("/api/v1/me/qr").get_json()["text"]
    with tenancy.acting_for(shop.merchant_id):
        visit = identify(scan=text, now=clock.at)
        assert visit.member.id == me.member_id
        assert [c.template for c in visit.claimed] == [c.template for c in visit.coupons] == ["t30"]
        assert identify(scan=text, now=clock.at).claimed == []
        with pytest.raises(QrExpired):
            identify(scan=text, now=clock.at + timedelta(seconds=60))


def test_a_periodic_grant_out_of_its_window_is_not_claimed(
    http: FlaskClient, wechat: Platform, shop: Shop, me: Customer, clock: StillClock
) -> None:
    a_periodic(shop, "daily", coupons=gives("t30") if a_template(shop, "t30") else [])
    a_grant(shop, me.member_id, "t30", until=clock.at + timedelta(hours=1))
    clock.at += timedelta(hours=1)
    assert enters(http, wechat, shop, me.person).answer["claimed"] == []
    with tenancy.acting_for(shop.merchant_id):
        reread()
        assert [g.state for g in db.session.scalars(select(Grant))] == ["open"]
