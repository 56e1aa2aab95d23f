"""挂单: what the till puts, puts again and withdraws, and where its codes lead."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining, a_dining_room
from tests.builders import a_store
from tests.journeys.customers import Customer
from tests.miniprogram_api.pos.till import a_bill, a_dish


def said(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def table_of(answer: TestResponse) -> str:
    return str(answer.get_json()["table_code"]["url"]).rpartition("/")[2]


def bill(guest: Customer, token: str) -> Any:  # noqa: ANN401
    return guest.get(f"/api/v1/bills/{token}").get_json()


def test_orders_are_added_under_the_same_token(room: Dining) -> None:
    guest = room.guest()
    token = room.token("B1", a_dish(yuan=100))
    assert room.token("B1", a_dish(yuan=100)) == token
    assert room.token("B1", a_dish(yuan=100), a_dish("D002", 50)) == token
    assert (bill(guest, token)["total_fen"], bill(guest, token)["best"]["to_pay_fen"]) == (
        15000,
        15000,
    )


def test_what_a_guest_pays_for_in_portions_is_settled_in_portions(room: Dining) -> None:
    """单位 belongs to the bill that was priced: the till settles by the guest's own quote."""
    guest, dish = room.guest(), a_dish() | {"unit": "份"}
    room.confirm(guest, room.sheet(guest, room.token("B1", dish)))
    settled = room.settle_as_told(room.events()[0], dish)
    assert settled.status_code == 201, settled.get_json()
    assert settled.get_json()["receipt"]["lines"][0]["unit"] == "份"


def test_a_withdrawn_bill_is_unknown_and_comes_back_under_another_token(room: Dining) -> None:
    guest = room.guest()
    token = room.token("B1")
    for _ in range(2):
        gone = room.till.call("DELETE", "/bills/B1")
        assert (gone.status_code, gone.get_json()["state"]) == (200, "withdrawn")
    assert said(guest.get(f"/api/v1/bills/{token}")) == (404, "BILL_NOT_FOUND")
    assert room.token("B1") != token
    assert said(room.till.call("DELETE", "/bills/B9")) == (404, "BILL_NOT_FOUND")


def test_what_is_paid_or_settled_can_be_neither_put_nor_withdrawn(room: Dining) -> None:
    guest = room.guest()
    room.confirm(guest, room.sheet(guest, room.token("B1")))
    again = room.put("B1", a_dish(yuan=200))
    assert said(again) == (409, "BILL_PAID")
    assert again.get_json()["message"] == "账单B1顾客已扫码支付100元，请直接结账"
    assert said(room.till.call("DELETE", "/bills/B1")) == (409, "BILL_PAID")
    room.settle_as_told(room.events()[0])
    assert said(room.put("B1", a_dish(yuan=200))) == (409, "BILL_CONFLICT")
    assert said(room.till.call("DELETE", "/bills/B1")) == (409, "BILL_CONFLICT")
    room.till.post("/bills/B2/settle", a_bill())
    assert said(room.put("B2")) == (409, "BILL_CONFLICT")


def test_a_table_code_is_one_for_ever_and_leads_to_what_lies_there(room: Dining) -> None:
    guest = room.guest()
    first = room.put("B1", table="包间·梅")
    code = table_of(first)
    assert (
        guest.get(f"/api/v1/tables/{code}").get_json()["bill_token"] == (first.get_json()["token"])
    )
    room.till.call("DELETE", "/bills/B1")
    empty = guest.get(f"/api/v1/tables/{code}")
    assert said(empty) == (404, "NO_OPEN_BILL")
    assert empty.get_json()["message"] == "本桌暂无待付账单"
    second = room.put("B2", table="包间·梅")
    assert table_of(second) == code
    assert (
        guest.get(f"/api/v1/tables/{code}").get_json()["bill_token"] == (second.get_json()["token"])
    )
    assert table_of(room.put("B3", table="包间·兰")) != code
    assert room.put("B4", table="").get_json()["table_code"] is None


def test_no_table_code_can_be_made_up(room: Dining) -> None:
    guest = room.guest()
    code = table_of(room.put("B1"))
    a_store(room.shop, "s02", "华强北")
    forged = [code[:-1], code + "A", code[:-1] + ("A" if code[-1] != "A" else "B"), "A" * 24, "券"]
    for each in [*forged, *(code[:n] + "x" + code[n + 1 :] for n in range(0, len(code), 5))]:
        if each != code:
            assert said(guest.get(f"/api/v1/tables/{each}")) == (404, "NO_OPEN_BILL"), each


def test_another_merchants_bill_and_table_are_unknown(
    room: Dining, http: FlaskClient, wechat: Platform
) -> None:
    put = room.put("B1")
    stranger = a_dining_room(http, wechat).guest()
    token = put.get_json()["token"]
    assert said(stranger.get(f"/api/v1/bills/{token}")) == (404, "BILL_NOT_FOUND")
    quote = stranger.post(f"/api/v1/bills/{token}/quote", {})
    assert said(quote) == (404, "BILL_NOT_FOUND")
    paid = stranger.post(f"/api/v1/bills/{token}/pay", {"quote_id": "q-x"})
    assert said(paid) == (404, "BILL_NOT_FOUND")
    assert said(stranger.get(f"/api/v1/tables/{table_of(put)}")) == (404, "NO_OPEN_BILL")


def test_a_settled_bill_is_shown_to_who_paid_it_alone(room: Dining) -> None:
    guest, other = room.guest(), room.guest("李雷")
    token = room.token("B1")
    room.confirm(guest, room.sheet(guest, token))
    assert bill(other, token)["paid"] == {
        "mine": False,
        "name": "王**",
        "amount_fen": 10000,
        "payment": None,
        "quote_id": None,
    }
    room.settle_as_told(room.events()[0])
    assert bill(guest, token)["state"] == "settled"
    assert said(other.get(f"/api/v1/bills/{token}")) == (404, "BILL_NOT_FOUND")


def test_a_bill_has_lines_and_a_number_that_can_be_locked(room: Dining) -> None:
    assert room.put("B1", lines=[]).status_code == 400
    assert room.put("B" * 49).status_code == 400
