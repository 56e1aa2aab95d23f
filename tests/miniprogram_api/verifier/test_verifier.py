"""核销员 over HTTP: bound once, checked every time, own redemptions only. (S4-20…25)"""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend import clock as business_clock
from backend import tenancy
from backend.database import db, transaction
from backend.members.models import Member
from backend.merchants import verifiers
from tests.backend.redemption.coupons import (
    a_coupon,
    a_verifier,
    code_of,
    number_of,
    redemptions_of,
    state_of,
)
from tests.builders import Shop, a_member, a_shop, a_store, a_template, reread
from tests.conftest import StillClock
from tests.miniprogram_api.statements import committing, counting
from tests.miniprogram_api.verifier.phones import Phone, phone_of


def invited(shop: Shop, store: str = "s01") -> str:
    with tenancy.acting_for(shop.merchant_id):
        return verifiers.invite(store, name="小王", now=business_clock.now()).token


def a_bound_phone(http: FlaskClient, shop: Shop, **more: Any) -> Phone:  # noqa: ANN401
    member = a_member(shop)
    a_verifier(shop, member, **more)
    return phone_of(http, shop, member)


def test_binding_makes_a_verifier_of_whoever_scans(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    phone = phone_of(http, shop, a_member(shop))
    coupon = number_of(a_coupon(shop, a_member(shop), a_template(shop)))
    for path, body in [
        ("/check", {"scan": coupon, "store": "s01"}),
        ("/redeem", {"scan": coupon, "store": "s01"}),
        ("/redemptions/1/undo", {"reason": "点错了"}),
    ]:
        refused = phone.post(path, body)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "NOT_A_VERIFIER")
    assert phone.get("/redemptions").status_code == 403
    bound = phone.post("/bind", {"token": invited(shop)})
    assert bound.status_code == 200
    assert bound.get_json() == {
        "stores": [{"code": "s01", "name": "皇岗", "address": "", "phone": ""}]
    }
    assert phone.post("/redeem", {"scan": coupon, "store": "s01"}).status_code == 201


def test_a_binding_code_is_good_once_for_ten_minutes_at_its_merchant(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    shop, foreign = a_shop(), a_shop()
    phone, other = (phone_of(http, shop, a_member(shop)) for _ in range(2))
    used, old = invited(shop), invited(shop)
    assert phone.post("/bind", {"token": used}).status_code == 200
    clock.at += timedelta(minutes=10)
    for token in (used, old, invited(foreign), "guess"):
        refused = other.post("/bind", {"token": token})
        assert (refused.status_code, refused.get_json()["code"]) == (422, "BIND_TOKEN_INVALID")
    almost = invited(shop)
    clock.at += timedelta(minutes=10) - timedelta(seconds=1)
    assert other.post("/bind", {"token": almost}).status_code == 200


def test_a_second_binding_code_adds_its_store(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    a_store(shop, "s02", "华强北")
    phone = a_bound_phone(http, shop)
    stores = phone.post("/bind", {"token": invited(shop, "s02")}).get_json()["stores"]
    assert [store["code"] for store in stores] == ["s01", "s02"]


def test_unbinding_works_at_once_and_binding_again_starts_anew(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    a_store(shop, "s02", "华强北")
    member = a_member(shop)
    a_verifier(shop, member, stores=["s01", "s02"])
    phone = phone_of(http, shop, member)
    coupon = number_of(a_coupon(shop, a_member(shop), a_template(shop)))
    assert phone.post("/check", {"scan": coupon, "store": "s01"}).status_code == 200
    with tenancy.acting_for(shop.merchant_id):
        assert verifiers.unbind([member], now=business_clock.now())
        assert not verifiers.unbind([member], now=business_clock.now())
    refused = phone.post("/redeem", {"scan": coupon, "store": "s01"}).get_json()
    assert (refused["code"], refused["message"]) == (
        "NOT_A_VERIFIER",
        "您还不是核销员，请联系商家",
    )
    stores = phone.post("/bind", {"token": invited(shop)}).get_json()["stores"]
    assert [store["code"] for store in stores] == ["s01"]


def test_a_verifier_acts_at_their_own_stores_only(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    a_store(shop, "s02", "华强北")
    phone = a_bound_phone(http, shop)
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    for store in ("s02", "s99"):
        for path in ("/check", "/redeem"):
            refused = phone.post(path, {"scan": number_of(coupon), "store": store})
            assert (refused.status_code, refused.get_json()["code"]) == (403, "FORBIDDEN")
    assert state_of(shop, coupon) == "usable"


def test_the_sheet_is_shown_then_confirmed(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    phone = a_bound_phone(http, shop)
    holder = a_member(shop, phone="18100004469", nickname="阿强")
    template = a_template(
        shop,
        "t300",
        kind="every_full",
        rule={"threshold_fen": 30000, "reduce_fen": 10000},
        title="每满300减100",
    )
    coupon = a_coupon(shop, holder, template)
    sheet = phone.post("/check", {"scan": code_of(coupon, holder), "store": "s01"}).get_json()
    assert (sheet["owner"], sheet["give"]) == ("阿强 181****4469", "每满300元减100元，上不封顶")
    assert sheet["warnings"] == ["请核对消费满300元"]
    assert sheet["coupon"] | {"template_id": 0, "campaign": {}} == {
        "number": number_of(coupon),
        "title": "每满300减100",
        "kind": "every_full",
        "state": "usable",
        "valid_from": "2026-11-23T08:00:00+08:00",
        "valid_to": "2026-12-23T07:59:59+08:00",
        "rule": {"threshold_fen": 30000, "reduce_fen": 10000},
        "minimum_fen": 0,
        "stores": "all",
        "campaign": {},
        "template_id": 0,
        "template": "t300",
        "giftable": False,
        "source": "local",
        "claimed_at": "2026-11-23T08:00:00+08:00",
        "redeemed_at": None,
        "redeemed_store": None,
    }
    done = phone.post("/redeem", {"scan": code_of(coupon, holder), "store": "s01"})
    assert done.status_code == 201
    (record,) = redemptions_of(shop, coupon)
    assert done.get_json() == {
        "redemption": {
            "id": record.id,
            "number": number_of(coupon),
            "title": "每满300减100",
            "store": "s01",
            "store_name": "皇岗",
            "at": "2026-11-23T08:00:00+08:00",
            "by": "小王",
        }
    }


def test_a_lost_answer_is_given_again_under_its_key(app: Flask, http: FlaskClient) -> None:
    """F-10. Where the process dies: ``doors/test_killed_posts``."""
    shop = a_shop()
    phone = a_bound_phone(http, shop)
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    body = {"scan": number_of(coupon), "store": "s01"}
    first = phone.post("/redeem", body, **{"Idempotency-Key": "k-1"})
    assert phone.post("/redeem", body, **{"Idempotency-Key": "k-1"}).get_json() == first.get_json()
    assert phone.post("/redeem", body, **{"Idempotency-Key": "k-2"}).status_code == 409
    assert phone.post("/redeem", body).get_json()["code"] == "COUPON_REDEEMED"
    assert len(redemptions_of(shop, coupon)) == 1


def test_ten_wrong_numbers_and_the_verifier_waits(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    phone, other = a_bound_phone(http, shop), a_bound_phone(http, shop)
    good = {"scan": number_of(a_coupon(shop, a_member(shop), a_template(shop))), "store": "s01"}
    for n in range(10):
        path = ("/check", "/redeem")[n % 2]
        wrong = phone.post(path, {"scan": f"{n:012d}", "store": "s01"})
        assert (wrong.status_code, wrong.get_json()["code"]) == (404, "COUPON_NOT_FOUND")
    for path in ("/check", "/redeem"):
        refused = phone.post(path, good)
        assert (refused.status_code, refused.get_json()["code"]) == (429, "RATE_LIMITED")
        assert int(refused.headers["Retry-After"]) > 0
    assert other.post("/redeem", good).status_code == 201


def test_history_is_ones_own_newest_first_with_todays_count(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    shop = a_shop()
    phone, other = a_bound_phone(http, shop), a_bound_phone(http, shop)
    member, template = a_member(shop), a_template(shop)
    numbers = [number_of(a_coupon(shop, member, template)) for _ in range(4)]
    ids = []
    for n, number in enumerate(numbers[:3]):
        clock.move_to(f"2026-11-{23 + n // 2} 12:0{n}")
        done = phone.post("/redeem", {"scan": number, "store": "s01"}).get_json()
        ids.append(done["redemption"]["id"])
    other.post("/redeem", {"scan": numbers[3], "store": "s01"})
    first = phone.get("/redemptions?limit=2").get_json()
    assert [item["number"] for item in first["items"]] == [numbers[2], numbers[1]]
    assert first["today"] == 1
    rest = phone.get(f"/redemptions?limit=2&cursor={first['next_cursor']}").get_json()
    assert [item["number"] for item in rest["items"]] == [numbers[0]]
    assert rest["next_cursor"] is None
    assert phone.post(f"/redemptions/{ids[2]}/undo", {"reason": "点错了"}).status_code == 200
    after = phone.get("/redemptions").get_json()
    assert (after["today"], after["items"][0]["undone_at"]) == (0, "2026-11-24T12:02:00+08:00")
    for wrong in ("limit=0", "limit=101", "limit=x", "cursor=-1", "cursor=x"):
        assert phone.get(f"/redemptions?{wrong}").get_json()["code"] == "PARAM_ERROR"


@pytest.mark.parametrize("reason", ["", "   ", None, 5])
def test_an_undo_needs_a_reason(app: Flask, http: FlaskClient, reason: object) -> None:
    shop = a_shop()
    phone = a_bound_phone(http, shop)
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    done = phone.post("/redeem", {"scan": number_of(coupon), "store": "s01"}).get_json()
    path = f"/redemptions/{done['redemption']['id']}/undo"
    assert phone.post(path, {"reason": reason}).status_code == 400
    undone = phone.post(path, {"reason": "点错了"})
    assert (undone.status_code, undone.get_json()["state"]) == (200, "usable")


def test_another_verifiers_redemption_is_unknown_and_after_five_minutes_it_is_too_late(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    shop = a_shop()
    phone, other = a_bound_phone(http, shop), a_bound_phone(http, shop)
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    done = phone.post("/redeem", {"scan": number_of(coupon), "store": "s01"}).get_json()
    path = f"/redemptions/{done['redemption']['id']}/undo"
    assert other.post(path, {"reason": "x"}).status_code == 404
    clock.at += timedelta(minutes=5)
    late = phone.post(path, {"reason": "x"})
    assert (late.status_code, late.get_json()["code"]) == (422, "UNDO_TOO_LATE")
    assert late.get_json()["message"] == "已超过撤销时限"


def test_a_joined_members_token_and_binding_lead_to_the_survivor(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    younger, survivor = a_member(shop), a_member(shop)
    a_verifier(shop, younger)
    phones = [phone_of(http, shop, younger), phone_of(http, shop, survivor)]
    with transaction(), tenancy.acting_for(shop.merchant_id):
        row = tenancy.find(Member, younger)
        assert row is not None
        row.alias_of_id = survivor
    reread()
    for phone in phones:
        coupon = a_coupon(shop, a_member(shop), a_template(shop))
        done = phone.post("/redeem", {"scan": number_of(coupon), "store": "s01"})
        assert done.status_code == 201


@pytest.mark.parametrize(("key", "most"), [({}, 6), ({"Idempotency-Key": "k"}, 9)])
def test_redeeming_takes_few_statements_and_one_commit_however_much_there_is(
    app: Flask, http: FlaskClient, key: dict[str, str], most: int
) -> None:
    """Who and where, the coupon, its state, its event, the record, the message; a key is looked up,
    taken and answered."""
    shop = a_shop()
    phone = a_bound_phone(http, shop)
    counted = []
    for coupons in (1, 30):
        member, template = a_member(shop), a_template(shop)
        numbers = [number_of(a_coupon(shop, member, template)) for _ in range(coupons)]
        key = {name: f"{said}{coupons}" for name, said in key.items()}
        with counting(db.engine) as statements, committing(db.engine) as commits:
            done = phone.post("/redeem", {"scan": numbers[-1], "store": "s01"}, **key)
        assert done.status_code == 201
        assert len(commits) == 1
        counted.append(len(statements))
    assert counted == [most, most], statements
