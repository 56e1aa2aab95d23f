"""Whoever was first wins: money that comes too late goes back, once, and the till is told."""

import pytest

from scripts.wechat_platform.pay_errors import PayError
from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining
from tests.backend.open_bills.test_paying import lost
from tests.backend.open_bills.test_putting import said
from tests.conftest import StillClock
from tests.miniprogram_api.pos.till import a_dish

CASH = [{"method": "cash", "amount_fen": 10000}]


def refunded(wechat: Platform) -> list[int]:
    return [refund.refund for refund in wechat.refunds()]


def test_other_dishes_end_the_payment_under_way(room: Dining, wechat: Platform) -> None:
    guest = room.guest()
    coupon = room.coupon(guest)
    token = room.token("B1")
    sheet = room.sheet(guest, token)
    room.put("B1", a_dish(yuan=100), table="B7")
    assert room.states() == (["open"], ["prepared"])
    assert guest.get(f"/api/v1/bills/{token}").get_json()["paying"]["mine"] is True
    room.put("B1", a_dish(yuan=300))
    assert guest.get(f"/api/v1/bills/{token}").get_json()["paying"] is None
    room.tick()
    with pytest.raises(PayError):
        wechat.pay(guest.person, sheet)
    assert room.states() == (["open"], ["closed"])
    assert guest.numbers() == [coupon]
    assert room.confirm(guest, room.sheet(guest, token)) == 204
    assert room.states() == (["paid"], ["closed", "paid"])


def test_the_old_payments_end_leaves_the_coupons_of_the_new_one_locked(
    room: Dining, wechat: Platform
) -> None:
    guest = room.guest()
    coupon = room.coupon(guest)
    token = room.token("B1")
    room.sheet(guest, token)
    room.put("B1", a_dish(yuan=300))
    sheet = room.sheet(guest, token)
    room.tick()
    assert room.states() == (["open"], ["closed", "prepared"])
    assert guest.numbers("locked") == [coupon]
    room.confirm(guest, sheet)
    assert room.settle_as_told(room.events()[0], a_dish(yuan=300)).status_code == 201


@pytest.mark.parametrize("notice_arrives", [True, False])
@pytest.mark.parametrize("meanwhile", ["put", "withdrawn", "settled"])
def test_paid_for_what_is_no_longer_there_goes_back(
    room: Dining, wechat: Platform, meanwhile: str, notice_arrives: bool
) -> None:
    """The guest confirms before the order is closed at WeChat Pay."""
    guest = room.guest()
    coupon = room.coupon(guest)
    sheet = room.sheet(guest, room.token("B1"))
    match meanwhile:
        case "put":
            room.put("B1", a_dish(yuan=300))
        case "withdrawn":
            room.till.call("DELETE", "/bills/B1")
        case _:
            assert room.settle("B1", tenders=CASH).status_code == 201
    if not notice_arrives:
        lost(wechat)
    room.confirm(guest, sheet)
    for _ in range(3):
        room.tick()
    bills = {"put": "open"}.get(meanwhile, meanwhile)
    assert room.states() == ([bills], ["refunded"])
    assert refunded(wechat) == [9000]
    assert [(each["kind"], each["amount_fen"]) for each in room.events()] == [
        ("stray", 9000),
        ("refunded", 9000),
    ]
    assert guest.numbers() == [coupon]


def test_a_till_that_leaves_out_what_was_paid_by_phone_is_told(
    room: Dining, clock: StillClock
) -> None:
    guest = room.guest()
    room.confirm(guest, room.sheet(guest, room.token("B1")))
    refused = room.settle("B1", tenders=CASH)
    assert said(refused) == (409, "BILL_PAID")
    assert refused.get_json()["detail"]["hint"] == "结账时填写该次支付的 quote_id 和微信付款金额"
    assert room.states() == (["paid"], ["paid"])
    wechat_money = [{"method": "wechat", "amount_fen": 10000}]
    assert room.settle("B1", tenders=wechat_money).status_code == 201
    assert room.states() == (["settled"], ["paid"])


def test_a_till_that_had_settled_before_the_guest_paid_keeps_its_settlement(
    room: Dining, wechat: Platform, clock: StillClock
) -> None:
    """It was offline: its time is before the guest's."""
    guest = room.guest()
    coupon = room.coupon(guest)
    token = room.token("B1")
    clock.move_to("2026-11-23 08:05")
    room.confirm(guest, room.sheet(guest, token))
    settled = room.settle("B1", tenders=CASH, settled_at="2026-11-23T08:04:00+08:00")
    assert settled.status_code == 201
    room.tick()
    assert room.states() == (["settled"], ["refunded"])
    assert refunded(wechat) == [9000] and guest.numbers() == [coupon]
    assert [each["kind"] for each in room.events()] == ["paid", "stray", "refunded"]


def test_a_refund_at_the_till_goes_back_through_wechat_pay_part_by_part(
    room: Dining, wechat: Platform
) -> None:
    """¥10 off 3 × ¥50 on one line: 46.66, 46.67, 46.67 of the 140.00 paid."""
    guest = room.guest()
    room.coupon(guest)
    dishes = a_dish(yuan=50, quantity=3)
    room.confirm(guest, room.sheet(guest, room.token("B1", dishes)))
    room.settle_as_told(room.events()[0], dishes)
    parts = []
    for number in ("R1", "R2"):
        body = {"refund": number, "lines": [{"line": 0, "quantity": 1}], "reason": "退菜"}
        for _ in range(2):
            answer = room.till.post("/bills/B1/refund", body)
            assert answer.status_code == 200
        parts.append(answer.get_json()["refunded_fen"])
    assert room.states() == (["settled"], ["refunding"])
    room.tick()
    room.tick()
    assert room.states() == (["settled"], ["refunded"])
    assert refunded(wechat) == parts
    rest = room.till.post("/bills/B1/refund", {"refund": "R3", "reason": "退单"}).get_json()
    room.tick()
    assert refunded(wechat) == [*parts, rest["refunded_fen"]]
    assert sum(refunded(wechat)) == 14000
    assert [each["kind"] for each in room.events()] == ["paid", *["refunded"] * 3]


def test_a_refund_whose_answer_was_lost_is_the_same_refund(room: Dining, wechat: Platform) -> None:
    guest = room.guest()
    room.confirm(guest, room.sheet(guest, room.token("B1")))
    room.settle_as_told(room.events()[0])
    room.till.post("/bills/B1/refund", {"refund": "R1", "reason": "退单"})
    wechat.fail("/v3/refund/domestic/refunds", truncate=True)
    room.tick()
    assert room.states() == (["settled"], ["refunding"])
    room.tick()
    assert room.states() == (["settled"], ["refunded"])
    assert refunded(wechat) == [10000]


def test_what_wechat_pay_cannot_give_back_is_told_once(room: Dining, wechat: Platform) -> None:
    guest = room.guest()
    sheet = room.sheet(guest, room.token("B1"))
    room.settle("B1", tenders=CASH)
    wechat.end_next_refund("ABNORMAL")
    room.confirm(guest, sheet)
    for _ in range(3):
        room.tick()
        wechat.push_waiting()
    told = [each["kind"] for each in room.events()]
    assert told.count("refund_failed") == 1 and told[0] == "stray"
    assert refunded(wechat) == [10000]


def test_a_bill_settled_without_its_open_bill_being_seen_cannot_be_paid(
    room: Dining, wechat: Platform
) -> None:
    """Put and settled at the same moment: the settlement did not see the open bill."""
    from backend import clock, tenancy
    from backend.merchants.queries import place
    from backend.redemption.redeem import Redeemer
    from backend.sales.settle import settle
    from tests.races.test_redemption import _bill

    guest = room.guest()
    token = room.token("B1")
    quote = guest.get(f"/api/v1/bills/{token}").get_json()["best"]["quote_id"]
    sheet = room.sheet(guest, token, quote)
    with tenancy.acting_for(room.shop.merchant_id):
        settle(_bill("B1"), here=place("s01"), by=Redeemer("till k01"), now=clock.now())
    room.confirm(guest, sheet)
    room.tick()
    assert room.states() == (["open"], ["refunded"])
    assert said(room.pay(guest, token, quote)) == (409, "BILL_CONFLICT")


def test_bills_settled_offline_and_sent_later_meet_payments_by_phone(
    room: Dining, wechat: Platform, clock: StillClock
) -> None:
    """Settled before the guest paid: the guest's money goes back. After: staff must look."""
    guest = room.guest()
    tokens = room.token("B1"), room.token("B2")
    clock.move_to("2026-11-23 08:05")
    for token in tokens:
        room.confirm(guest, room.sheet(guest, token))

    def offline(bill: str, at: str) -> dict[str, object]:
        return {"bill": bill, "settled_at": at, "lines": [a_dish()], "tenders": CASH}

    clock.move_to("2026-11-23 09:00")
    sent = [
        offline("B1", "2026-11-23T08:04:00+08:00"),
        offline("B2", "2026-11-23T08:06:00+08:00"),
    ]
    answer = room.till.post("/bills/replay", {"bills": sent}).get_json()
    assert [each["status"] for each in answer["items"]] == [201, 409]
    assert answer["items"][1]["error"]["code"] == "BILL_PAID"
    room.tick()
    assert room.states() == (["settled", "paid"], ["refunded", "paid"])


def test_the_till_cannot_let_go_of_what_a_guest_pays_with(room: Dining, clock: StillClock) -> None:
    """Nor does locking it at the till shorten how long it is held."""
    guest = room.guest()
    coupon = room.coupon(guest)
    sheet = room.sheet(guest, room.token("B1"))
    assert said(room.till.post("/bills/B1/unlock")) == (409, "BILL_BEING_PAID")
    room.confirm(guest, sheet)
    assert said(room.till.post("/bills/B1/unlock")) == (409, "BILL_PAID")
    assert room.till.post("/bills/B1/lock", {"coupons": [coupon]}).status_code == 200
    clock.move_to("2026-11-23 20:00")
    assert guest.numbers("locked") == [coupon]
    assert room.settle_as_told(room.events()[0]).status_code == 201
