"""扫码付: a table's bill, priced with the guest's coupons, paid on the phone, settled directly.
(S1-19, S1-20)"""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from miniprogram_api.pos import events
from scripts.wechat_platform.accounts import known_account
from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining, a_dining_room, is_sound
from tests.builders import a_template
from tests.conftest import StillClock
from tests.malls import a_link, a_mall
from tests.miniprogram_api.pos.till import a_dish


@pytest.fixture
def room(app: Flask, http: FlaskClient, wechat: Platform, clock: StillClock) -> Dining:
    return a_dining_room(http, wechat)


@pytest.fixture(autouse=True)
def sound(room: Dining) -> Any:  # noqa: ANN401
    yield
    is_sound()


DISHES = [a_dish("D001", 68, quantity=3), a_dish("D002", 70, name="鱼")]


def test_S1_19_S1_20_put_scan_choose_pay_blink_settle(room: Dining, clock: StillClock) -> None:
    """The best coupon is chosen already; the guest takes another, pays, and the till settles with
    what the event said and nothing else."""
    guest = room.guest()
    better, other = room.coupon(guest, 30, title="三十元"), room.coupon(guest, 20, title="二十元")
    put = room.put("0023", *DISHES, service_fen=1000).get_json()
    assert put["state"] == "open" and put["url"].endswith(f"/h5/bills/{put['token']}")
    assert put["svg"].startswith("<svg") and put["table_code"]["svg"].startswith("<svg")

    table = put["table_code"]["url"].rpartition("/")[2]
    token = guest.get(f"/api/v1/tables/{table}").get_json()["bill_token"]
    assert token == put["token"]
    bill = guest.get(f"/api/v1/bills/{token}").get_json()
    assert (bill["bill"], bill["table"], bill["state"]) == ("0023", "A12", "open")
    assert [(line["name"], line["amount_fen"]) for line in bill["lines"]] == [
        ("毛肚", 20400),
        ("鱼", 7000),
    ]
    assert (bill["total_fen"], bill["best"]["to_pay_fen"]) == (28400, 25400)
    assert [each["number"] for each in bill["best"]["chosen"]] == [better]

    chosen = guest.post(f"/api/v1/bills/{token}/quote", {"coupons": [other]}).get_json()
    assert (chosen["to_pay_fen"], chosen["reduction_fen"]) == (26400, 2000)
    asked = room.pay(guest, token, chosen["quote_id"]).get_json()
    assert (asked["state"], asked["amount_fen"]) == ("prepared", 26400)
    assert asked["wechat_pay"]["signType"] == "RSA"
    assert guest.coupons("locked")[0]["number"] == other

    assert room.confirm(guest, asked["wechat_pay"]["package"][10:]) == 204
    (told,) = room.events()
    assert (told["kind"], told["bill"], told["table"]) == ("paid", "0023", "A12")
    assert told["tenders"] == [{"method": "wechat", "amount_fen": 26400}]
    shown = guest.get(f"/api/v1/bills/{token}").get_json()
    assert (shown["state"], shown["paid"]["mine"], shown["best"]) == ("paid", True, None)

    clock.move_to("2026-11-23 21:30")
    done = room.settle_as_told(told, *DISHES, service_fen=1000)
    assert done.status_code == 201, done.get_data(as_text=True)
    assert (done.get_json()["paid_fen"], done.get_json()["reduction_fen"]) == (26400, 2000)
    assert guest.numbers("redeemed") == [other] and guest.numbers() == [better]
    assert room.states() == (["settled"], ["paid"])


def test_S1_19_a_voucher_from_the_mall_is_chosen_while_paying_and_called_by_its_number(
    room: Dining, clock: StillClock
) -> None:
    a_template(room.shop, "v100", rule={"value_fen": 10000})
    a_link(room.shop, "v100")
    guest = room.guest()
    account = known_account(room.wechat.world.store, room.shop.mini)
    buyer = {"unionid": room.wechat.unionid(guest.person, account)}
    number = a_mall(room.shop, room.till.http).sold("V1", buyer=buyer).get_json()["number"]
    token = room.token("M1", *DISHES)
    quote = guest.post(f"/api/v1/bills/{token}/quote", {"coupons": [number]}).get_json()
    assert room.confirm(guest, room.sheet(guest, token, quote["quote_id"])) == 204
    (told,) = room.events()
    assert told["coupons"] == [number]
    assert room.settle_as_told(told, *DISHES).get_json()["reduction_fen"] == 10000
    assert guest.numbers("redeemed") == [number]


def stream(room: Dining, path: str = "/pos/v1/events", **headers: str) -> Any:  # noqa: ANN401
    answer = room.till.send("GET", path, b"", Accept="text/event-stream", **headers)
    assert answer.status_code == 200 and answer.mimetype == "text/event-stream"
    return answer


def next_event(answer: Any) -> tuple[int, str, dict[str, Any]]:  # noqa: ANN401
    """The next of a stream that is no comment and no ``retry``."""
    for part in answer.iter_encoded():
        fields = dict(line.split(": ", 1) for line in part.decode().split("\n") if line)
        if "data" in fields:
            return int(fields["id"]), fields["event"], json.loads(fields["data"])
    raise AssertionError("the stream ended")


def test_S1_20_the_open_stream_tells_within_two_seconds(room: Dining) -> None:
    guest = room.guest()
    sheet = room.sheet(guest, room.token("B1"))
    with stream(room) as open_stream:
        parts = open_stream.iter_encoded()
        assert next(parts) == b"retry: 1000\n\n"
        room.confirm(guest, sheet)
        first = next(parts).decode()
    assert events.LOOK_SECONDS <= 1, "two looks within the two seconds, and the first one found it"
    assert first.startswith("id: 1\nevent: paid\ndata: ")
    assert json.loads(first.partition("data: ")[2])["bill"] == "B1"
    with stream(room) as again:
        assert next_event(again)[0] == 1
    room.confirm(guest, room.sheet(guest, room.token("B2")))
    with stream(room, **{"Last-Event-ID": "1"}) as resumed:
        assert next_event(resumed)[2]["bill"] == "B2"
    assert [each["bill"] for each in room.events(after=1)] == ["B2"]
    assert room.events(after=2) == []
