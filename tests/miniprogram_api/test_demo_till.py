"""演示收银台: signed on the server, there on development machines only."""

import json

from flask import Flask
from flask.testing import FlaskClient

from miniprogram_api import demo_till
from tests.builders import a_member, a_shop


def test_a_call_that_it_signed_is_taken(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    member_id = a_member(shop, phone="13800000000")
    body = '{"phone":"13800000000"}'
    asked = {
        "key": shop.pos_key,
        "method": "POST",
        "path": "/pos/v1/members/identify",
        "body": body,
    }
    signed = http.post("/demo/pos/sign", json=asked)
    assert signed.status_code == 200
    assert shop.pos_secret not in signed.get_data(as_text=True)
    answer = http.post(
        "/pos/v1/members/identify",
        data=body,
        headers={"Authorization": json.loads(signed.data)["authorization"]},
    )
    assert json.loads(answer.data)["member"]["id"] == member_id


def test_it_signs_for_no_unknown_till_and_for_nothing_but_the_till_api(http: FlaskClient) -> None:
    shop = a_shop()
    unknown = {"key": "nobody", "method": "GET", "path": "/pos/v1/events"}
    assert http.post("/demo/pos/sign", json=unknown).status_code == 401
    elsewhere = {"key": shop.pos_key, "method": "POST", "path": "/mall/v1/events"}
    assert http.post("/demo/pos/sign", json=elsewhere).status_code == 400


def test_the_page_lists_the_tills_or_says_what_to_do(http: FlaskClient) -> None:
    assert "还没有收银密钥" in http.get("/demo/pos/").get_data(as_text=True)
    shop = a_shop()
    page = http.get("/demo/pos/").get_data(as_text=True)
    assert shop.pos_key in page
    assert shop.pos_secret not in page


def test_in_production_there_is_none(app: Flask) -> None:
    stranger = Flask("production")
    stranger.config["PRODUCTION"] = True
    demo_till.register(stranger)
    assert "demo_till" not in stranger.blueprints
    assert "demo_till" in app.blueprints
