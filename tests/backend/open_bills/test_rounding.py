"""抹零 on a bill that is paid by phone: the till puts it, the guest sees and pays what is left, the
settled bill and its refunds keep it."""

import re

import pytest
from sqlalchemy import select, update

from backend import tenancy
from backend.database import db, transaction
from backend.merchants.models import Merchant
from backend.sales.models import Bill, BillLine
from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining, is_sound
from tests.backend.open_bills.test_putting import bill, said
from tests.builders import reread
from tests.miniprogram_api.h5.browser import WechatBrowser
from tests.miniprogram_api.pos.till import a_dish

DISH = a_dish(yuan=1) | {"price_fen": 8750}
"""¥87.50."""


def limit(room: Dining, fen: int) -> None:
    with transaction():
        db.session.execute(
            update(Merchant).where(Merchant.id == room.shop.merchant_id).values(rounding_fen=fen)
        )


def kept(room: Dining) -> tuple[int, int, int]:
    """抹零 of the settled bill, of its lines, and what was paid."""
    reread()
    with tenancy.acting_for(room.shop.merchant_id):
        settled = db.session.scalars(select(Bill)).one()
        lines = db.session.scalars(select(BillLine.rounding_fen)).all()
        return settled.rounding_fen, sum(lines), settled.paid_fen


def test_eighty_seven_fifty_is_paid_as_eighty_seven_by_phone(
    room: Dining, wechat: Platform
) -> None:
    guest = room.guest()
    token = room.token("B1", DISH, rounding_fen=50)
    best = bill(guest, token)["best"]
    assert (best["rounding_fen"], best["to_pay_fen"], best["reduction_fen"]) == (50, 8700, 50)
    room.confirm(guest, room.sheet(guest, token))
    assert [order.total for order in wechat.orders()] == [8700]
    told = room.events()[0]
    assert (told["amount_fen"], told["rounding_fen"]) == (8700, 50)
    done = room.settle_as_told(told, DISH).get_json()
    assert (done["paid_fen"], done["receipt"]["rounding_fen"]) == (8700, 50)
    assert "抹零" in done["receipt_text"]
    assert kept(room) == (50, 50, 8700)
    is_sound()
    back = room.till.post("/bills/B1/refund", {"refund": "R1", "reason": "退"}).get_json()
    assert back["refunded_fen"] == 8700
    is_sound()


def test_a_till_may_name_it_again_and_then_means_the_same(room: Dining) -> None:
    guest = room.guest()
    room.confirm(guest, room.sheet(guest, room.token("B1", DISH, rounding_fen=50)))
    told = room.events()[0]
    other = room.settle_as_told(told, DISH, rounding_fen=30)
    assert said(other) == (422, "TENDER_MISMATCH")
    assert room.settle_as_told(told, DISH, rounding_fen=50).status_code == 201
    assert kept(room) == (50, 50, 8700)


def test_it_comes_off_after_the_guests_coupon_and_never_more_than_is_left(room: Dining) -> None:
    guest = room.guest()
    room.coupon(guest, 80)
    best = bill(guest, room.token("B1", DISH, rounding_fen=50))["best"]
    assert (best["rounding_fen"], best["to_pay_fen"]) == (50, 700)
    cheap = a_dish(yuan=1) | {"price_fen": 8020}
    token = room.token("B1", cheap, rounding_fen=50, service_fen=500)
    best = bill(guest, token)["best"]
    assert (best["rounding_fen"], best["to_pay_fen"]) == (20, 500)
    room.confirm(guest, room.sheet(guest, token))
    assert room.settle_as_told(room.events()[0], cheap, service_fen=500).status_code == 201
    assert kept(room) == (20, 20, 500)
    is_sound()


def test_another_rounding_is_another_price(room: Dining, wechat: Platform) -> None:
    """As other dishes are: the payment under way ends, a quote of before cannot be paid."""
    guest = room.guest()
    token = room.token("B1", DISH, rounding_fen=50)
    quote = bill(guest, token)["best"]["quote_id"]
    sheet = room.sheet(guest, token, quote)
    room.token("B1", DISH, rounding_fen=50)
    assert room.confirm(guest, sheet) == 204
    assert room.states() == (["paid"], ["paid"])

    token = room.token("B2", DISH, rounding_fen=50)
    quote = bill(guest, token)["best"]["quote_id"]
    room.sheet(guest, token, quote)
    room.token("B2", DISH)
    assert said(room.pay(guest, token, quote)) == (422, "QUOTE_EXPIRED")
    assert bill(guest, token)["best"]["to_pay_fen"] == 8750


@pytest.mark.parametrize(("limit_fen", "asked_fen"), [(99, 100), (0, 1)])
def test_more_than_the_merchant_lets_cannot_be_put(
    room: Dining, limit_fen: int, asked_fen: int
) -> None:
    limit(room, limit_fen)
    refused = room.put("B1", DISH, rounding_fen=asked_fen)
    assert said(refused) == (422, "ROUNDING_BEYOND")
    assert refused.get_json()["detail"]["most_fen"] == limit_fen
    assert room.states() == ([], [])


def test_a_limit_lowered_meanwhile_holds_for_the_next_quote_and_not_for_what_is_paid(
    room: Dining,
) -> None:
    guest = room.guest()
    token = room.token("B1", DISH, rounding_fen=50)
    first = bill(guest, token)["best"]["quote_id"]
    limit(room, 20)
    assert said(room.pay(guest, token, first)) == (422, "QUOTE_EXPIRED")
    assert bill(guest, token)["best"]["to_pay_fen"] == 8730
    room.confirm(guest, room.sheet(guest, token))
    limit(room, 0)
    assert room.settle_as_told(room.events()[0], DISH).status_code == 201
    assert kept(room) == (20, 20, 8730)


def test_a_tills_own_quote_says_it_and_is_settled_without_naming_it_again(room: Dining) -> None:
    asked = {"lines": [DISH], "service_fen": 0, "rounding_fen": 50}
    quoted = room.till.post("/quotes", asked).get_json()
    assert (quoted["rounding_fen"], quoted["to_pay_fen"]) == (50, 8700)
    assert quoted["rounding_lines"] == [{"line": 0, "reduction_fen": 50}]
    beyond = room.till.post("/quotes", asked | {"rounding_fen": 100})
    assert said(beyond) == (422, "ROUNDING_BEYOND")
    cash = [{"method": "cash", "amount_fen": 8700}]
    done = room.settle("B1", DISH, quote_id=quoted["quote_id"], tenders=cash)
    assert done.status_code == 201 and kept(room) == (50, 50, 8700)


def test_the_guest_reads_it_as_a_line_of_its_own(room: Dining, wechat: Platform) -> None:
    browser = WechatBrowser(room.http.application, wechat, wechat.person("王勇"))
    url = room.put("B1", DISH, rounding_fen=50).get_json()["url"]
    text = re.sub(r"<[^>]+>|\s+", " ", browser.visits(url).get_data(as_text=True))
    words = re.sub(r"\s+", " ", text)
    assert "抹零 -0.50" in words and "微信支付 ¥87.00" in words
    room.put("B1", DISH)
    assert "抹零" not in browser.visits(url).get_data(as_text=True)
