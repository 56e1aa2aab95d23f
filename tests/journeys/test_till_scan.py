"""S2-44, S2-45, S2-47: the till shows a code, the guest scans it, the till knows who it is."""

from flask.testing import FlaskClient

from scripts.wechat_platform.server import Platform
from tests.builders import Shop
from tests.conftest import StillClock
from tests.journeys.customers import enters
from tests.journeys.shops import a_journeys_shop
from tests.miniprogram_api.pos.till import TillClient, till_of


def test_S2_44_S2_45_S2_47_a_guest_scans_the_tills_code_and_is_known(
    http: FlaskClient, wechat: Platform, clock: StillClock
) -> None:
    shop, till, code = _shown(http, wechat)
    asked = {"scan_id": code["scan_id"]}
    assert till.post("/members/identify", asked).get_json()["code"] == "NOT_SCANNED"
    anna = enters(http, wechat, shop, wechat.person("安娜", phone="13800000000"))
    scanned = anna.post(f"/api/v1/till-codes/{code['scan_id']}", {})
    assert scanned.get_json() == {"store": "皇岗"}
    events = till.get("/events").get_json()["events"]
    assert [(each["kind"], each["member_id"]) for each in events] == [
        ("identified", anna.member_id)
    ]
    identified = till.post("/members/identify", asked).get_json()
    assert identified["member"]["id"] == anna.member_id


def test_who_scans_first_is_meant_and_scanning_twice_is_as_good_as_once(
    http: FlaskClient, wechat: Platform, clock: StillClock
) -> None:
    shop, till, code = _shown(http, wechat)
    anna = enters(http, wechat, shop, wechat.person("安娜"))
    ben = enters(http, wechat, shop, wechat.person("阿本"))
    path = f"/api/v1/till-codes/{code['scan_id']}"
    assert [anna.post(path, {}).status_code for _ in range(2)] == [200, 200]
    late = ben.post(path, {})
    assert (late.status_code, late.get_json()["code"]) == (409, "TILL_CODE_TAKEN")
    assert len(till.get("/events").get_json()["events"]) == 1


def test_a_code_is_good_for_five_minutes_for_its_own_merchant_and_till(
    http: FlaskClient, wechat: Platform, clock: StillClock
) -> None:
    shop, till, code = _shown(http, wechat)
    anna = enters(http, wechat, shop, wechat.person("安娜"))
    other = a_journeys_shop(wechat)
    stranger = enters(http, wechat, other, wechat.person("外人"))
    path = f"/api/v1/till-codes/{code['scan_id']}"
    assert stranger.post(path, {}).status_code == 404
    assert anna.post(path[:-1] + "x", {}).status_code == 404
    clock.move_to("2026-11-23 08:05")
    assert anna.post(path, {}).get_json()["code"] == "QR_EXPIRED"
    elsewhere = till_of(http, other).post("/members/identify", {"scan_id": code["scan_id"]})
    assert elsewhere.get_json()["code"] == "NOT_SCANNED"


def test_S2_47_a_guest_is_known_by_their_openid(
    http: FlaskClient, wechat: Platform, clock: StillClock
) -> None:
    shop = a_journeys_shop(wechat)
    person = wechat.person("安娜")
    anna = enters(http, wechat, shop, person)
    found = till_of(http, shop).post(
        "/members/identify", {"openid": wechat.openid(person, shop.mini)}
    )
    assert found.get_json()["member"]["id"] == anna.member_id
    nobody = till_of(http, shop).post("/members/identify", {"openid": "o-nobody"})
    assert nobody.get_json()["code"] == "MEMBER_NOT_FOUND"


def _shown(http: FlaskClient, wechat: Platform) -> tuple[Shop, TillClient, dict[str, str]]:
    shop = a_journeys_shop(wechat)
    till = till_of(http, shop)
    code = till.post("/members/code", {})
    assert code.status_code == 201
    return shop, till, code.get_json()
