"""扫码支付: one at a time, at the promised price; told once, closed when it is over."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, update

from backend import tenancy
from backend.database import db, table_of, transaction
from backend.open_bills.models import ScanPayment
from backend.wechat.models import PayAccount
from scripts.wechat_platform.pay_errors import PayError
from scripts.wechat_platform.pay_orders import State, set_state
from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining
from tests.backend.open_bills.test_putting import said
from tests.conftest import StillClock
from tests.miniprogram_api.pos.till import a_dish


def test_only_ones_own_coupons_may_be_named(room: Dining) -> None:
    guest, other = room.guest(), room.guest("李雷")
    mine, theirs = room.coupon(guest), room.coupon(other)
    token = room.token("B1")
    quoted = guest.post(f"/api/v1/bills/{token}/quote", {"coupons": [theirs, mine]}).get_json()
    assert [each["number"] for each in quoted["chosen"]] == [mine]
    refused = {each["number"]: each["code"] for each in quoted["candidates"] if each["code"]}
    assert refused == {theirs: "COUPON_NOT_FOUND"}
    none = guest.post(f"/api/v1/bills/{token}/quote", {"coupons": []}).get_json()
    assert (none["chosen"], none["to_pay_fen"]) == ([], 10000)


def test_a_quote_of_somebody_else_or_of_other_dishes_cannot_be_paid(room: Dining) -> None:
    guest, other = room.guest(), room.guest("李雷")
    token = room.token("B1")
    quote = guest.get(f"/api/v1/bills/{token}").get_json()["best"]["quote_id"]
    assert said(room.pay(other, token, quote)) == (422, "QUOTE_EXPIRED")
    room.put("B1", a_dish(yuan=200))
    assert said(room.pay(guest, token, quote)) == (422, "QUOTE_EXPIRED")
    assert room.states() == (["open"], [])


def test_a_second_person_waits_until_the_first_ones_time_is_over(
    room: Dining, clock: StillClock, wechat: Platform
) -> None:
    first, second = room.guest(), room.guest("李雷")
    coupon = room.coupon(first)
    token = room.token("B1")
    sheet = room.sheet(first, token)
    shown = second.get(f"/api/v1/bills/{token}").get_json()
    assert (shown["best"], shown["paying"]["name"], shown["paying"]["mine"]) == (
        None,
        "王**",
        False,
    )
    quote = second.post(f"/api/v1/bills/{token}/quote", {}).get_json()["quote_id"]
    refused = room.pay(second, token, quote)
    assert (refused.status_code, refused.get_json()["message"]) == (409, "本账单正在由其他人支付")
    clock.move_to("2026-11-23 08:15")
    room.sheet(second, token)
    assert [order.state for order in wechat.orders()] == ["CLOSED", "NOTPAY"]
    assert first.numbers() == [coupon]
    with pytest.raises(PayError):
        wechat.pay(first.person, sheet)
    assert room.states() == (["open"], ["closed", "prepared"])


def test_the_same_quote_again_is_the_same_payment(room: Dining, wechat: Platform) -> None:
    guest = room.guest()
    token = room.token("B1")
    quote = guest.get(f"/api/v1/bills/{token}").get_json()["best"]["quote_id"]
    once, again = (room.pay(guest, token, quote).get_json() for _ in range(2))
    assert once["payment"] == again["payment"]
    assert once["wechat_pay"]["package"] == again["wechat_pay"]["package"]
    assert once["wechat_pay"]["nonceStr"] != again["wechat_pay"]["nonceStr"]
    assert len(wechat.orders()) == 1
    room.confirm(guest, again["wechat_pay"]["package"][10:])
    paid = room.pay(guest, token, quote).get_json()
    assert (paid["state"], paid["payment"], paid["wechat_pay"]) == ("paid", once["payment"], None)


def test_another_choice_of_the_same_guest_ends_the_payment_before(
    room: Dining, wechat: Platform
) -> None:
    guest = room.guest()
    best, other = room.coupon(guest, 30), room.coupon(guest, 20)
    token = room.token("B1")
    room.sheet(guest, token)
    assert guest.numbers("locked") == [best]
    quote = guest.post(f"/api/v1/bills/{token}/quote", {"coupons": [other]}).get_json()
    sheet = room.sheet(guest, token, quote["quote_id"])
    assert guest.numbers("locked") == [other]
    assert [order.state for order in wechat.orders()] == ["CLOSED", "NOTPAY"]
    assert room.confirm(guest, sheet) == 204
    assert room.states() == (["paid"], ["closed", "paid"])


def test_another_choice_after_paying_in_another_window_finds_the_bill_paid(
    room: Dining, wechat: Platform
) -> None:
    guest = room.guest()
    room.coupon(guest, 30)
    token = room.token("B1")
    sheet = room.sheet(guest, token)
    quote = guest.post(f"/api/v1/bills/{token}/quote", {"coupons": []}).get_json()
    lost(wechat)
    room.confirm(guest, sheet)
    found = room.pay(guest, token, quote["quote_id"]).get_json()
    assert (found["state"], found["amount_fen"]) == ("paid", 7000)
    assert (room.states(), room.kinds()) == ((["paid"], ["paid"]), ["paid"])


def test_when_nothing_is_left_to_pay_it_is_paid_at_once(room: Dining, wechat: Platform) -> None:
    guest = room.guest()
    coupon = room.coupon(guest, 100)
    token = room.token("B1", a_dish(yuan=100))
    done = room.pay(guest, token).get_json()
    assert (done["state"], done["amount_fen"], done["wechat_pay"]) == ("paid", 0, None)
    assert wechat.orders() == []
    (told,) = room.events()
    assert (told["tenders"], told["coupons"]) == ([], [coupon])
    assert room.settle_as_told(told).status_code == 201
    assert guest.numbers("redeemed") == [coupon]


def test_a_merchant_without_wechat_pay_takes_no_payment(room: Dining) -> None:
    guest = room.guest()
    coupon = room.coupon(guest)
    token = room.token("B1")
    with transaction(), tenancy.acting_for(room.shop.merchant_id):
        db.session.execute(delete(PayAccount))
    refused = room.pay(guest, token)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "PAY_NOT_OFFERED")
    assert guest.numbers() == [coupon] and room.states() == (["open"], [])


def test_points_that_are_gone_since_the_quote_are_refused_before_paying(room: Dining) -> None:
    from backend.merchants.models import Merchant
    from backend.points import ledger as points

    guest = room.guest()
    with tenancy.acting_for(room.shop.merchant_id):
        db.session.get_one(Merchant, room.shop.merchant_id).points = {"per_yuan": 100}
        db.session.commit()
        now = room_now()
        points.earn(guest.member_id, 1000, cause="a", now=now)
        token = room.token("B1")
        body = {"points": 800}
    quoted = guest.post(f"/api/v1/bills/{token}/quote", body).get_json()
    assert (quoted["points_fen"], quoted["to_pay_fen"]) == (800, 9200)
    with tenancy.acting_for(room.shop.merchant_id):
        points.spend(guest.member_id, 500, cause="b", now=now)
    refused = room.pay(guest, token, quoted["quote_id"])
    assert refused.get_json()["message"] == "积分不足，还差300积分"


def room_now() -> Any:  # noqa: ANN401
    from backend import clock

    return clock.now()


def lost(wechat: Platform) -> Callable[..., Any]:
    """From now on no notice arrives; what was the road before."""
    road = wechat.deliver_notice
    wechat.deliver_notice = lambda url, headers, body: (500, b"")
    return road


def test_a_notice_is_taken_once_however_often_it_comes(room: Dining, wechat: Platform) -> None:
    guest = room.guest()
    sheet = room.sheet(guest, room.token("B1"))
    answers: list[int] = []
    road = wechat.deliver_notice

    def again_and_again(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        for _ in range(5):
            answers.append(road(url, headers, body)[0])
        return 204, b""

    wechat.deliver_notice = again_and_again
    room.confirm(guest, sheet)
    room.tick()
    assert answers == [204] * 5
    assert (room.states(), room.kinds()) == ((["paid"], ["paid"]), ["paid"])


def test_a_forged_or_old_notice_is_refused_and_moves_nothing(
    room: Dining, wechat: Platform
) -> None:
    guest = room.guest()
    sheet = room.sheet(guest, room.token("B1"))
    wechat.spoil_notices(wrong_signature=True)
    assert room.confirm(guest, sheet) == 401
    assert (room.states(), room.kinds()) == ((["open"], ["prepared"]), [])
    bare = room.http.post("/wechat/pay/notify", data=b"{}")
    assert (bare.status_code, bare.get_json()["code"]) == (401, "FAIL")
    other = room.http.post("/wechat/pay/notify/190000", data=b"{}")
    assert other.status_code == 401


@pytest.mark.parametrize("column", ["amount_fen", "openid", "app_id"])
def test_a_payment_that_is_not_the_one_ordered_is_kept_out(room: Dining, column: str) -> None:
    guest = room.guest()
    sheet = room.sheet(guest, room.token("B1"))
    wrong: Any = 9999 if column == "amount_fen" else "other"
    with transaction(), tenancy.across_merchants("a test changes the payment"):
        db.session.connection().execute(update(table_of(ScanPayment)).values({column: wrong}))
    assert room.confirm(guest, sheet) == 403
    assert (room.states(), room.kinds()) == ((["open"], ["prepared"]), ["mismatch"])


def test_a_lost_notice_is_found_by_the_tick(room: Dining, wechat: Platform) -> None:
    guest = room.guest()
    coupon = room.coupon(guest)
    sheet = room.sheet(guest, room.token("B1"))
    road = lost(wechat)
    room.confirm(guest, sheet)
    assert room.states() == (["open"], ["prepared"])
    room.tick()
    assert (room.states(), room.kinds()) == ((["paid"], ["paid"]), ["paid"])
    wechat.deliver_notice = road
    wechat.push_waiting()
    assert [told.status for told in wechat.notices()] == [204]
    assert (room.states(), room.kinds()) == ((["paid"], ["paid"]), ["paid"])
    assert room.settle_as_told(room.events()[0]).status_code == 201
    assert guest.numbers("redeemed") == [coupon]


def test_a_payment_that_is_over_is_closed_and_its_coupons_are_free(
    room: Dining, wechat: Platform, clock: StillClock
) -> None:
    guest = room.guest()
    coupon = room.coupon(guest)
    room.sheet(guest, room.token("B1"))
    clock.move_to("2026-11-23 08:14")
    room.tick()
    assert (room.states(), guest.numbers("locked")) == ((["open"], ["prepared"]), [coupon])
    clock.move_to("2026-11-23 08:15")
    room.tick()
    assert (room.states(), guest.numbers()) == ((["open"], ["closed"]), [coupon])
    assert [order.state for order in wechat.orders()] == ["CLOSED"]


def test_what_wechat_pay_has_closed_by_its_own_clock_is_over_here_too(
    room: Dining, wechat: Platform
) -> None:
    guest = room.guest()
    coupon = room.coupon(guest)
    room.sheet(guest, room.token("B1"))
    (order,) = wechat.orders()
    set_state(wechat.world.store, order, State.CLOSED)
    room.tick()
    assert (room.states(), guest.numbers()) == ((["open"], ["closed"]), [coupon])


def test_while_wechat_pay_is_away_nothing_is_lost(room: Dining, wechat: Platform) -> None:
    """The answer to 下单 is lost; half a minute later the guest begins anew."""
    guest = room.guest()
    coupon = room.coupon(guest)
    token = room.token("B1")
    wechat.fail("/v3/pay/transactions/jsapi", status=502)
    answer = room.pay(guest, token)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "WECHAT_UNAVAILABLE")
    assert room.states() == (["open"], ["prepared"])
    assert room.pay(guest, token).status_code == 503
    room.half_a_minute()
    sheet = room.sheet(guest, token)
    assert room.states() == (["open"], ["closed", "prepared"])
    assert guest.numbers("locked") == [coupon]
    assert room.confirm(guest, sheet) == 204


def test_a_payment_whose_preparing_died_is_ended_by_the_tick_though_the_clock_stands_still(
    room: Dining, wechat: Platform
) -> None:
    guest = room.guest()
    coupon = room.coupon(guest)
    token = room.token("B1")
    wechat.fail("/v3/pay/transactions/jsapi", truncate=True)
    assert room.pay(guest, token).status_code == 503
    room.tick()
    assert room.states() == (["open"], ["prepared"])
    room.half_a_minute()
    room.tick()
    assert (room.states(), guest.numbers()) == ((["open"], ["closed"]), [coupon])
    assert [order.state for order in wechat.orders()] == ["CLOSED"]


def test_the_price_of_a_paid_bill_holds_until_the_till_settles_it(
    room: Dining, clock: StillClock
) -> None:
    """The coupon is over by then and the quote is old: paid is paid."""
    guest = room.guest()
    coupon = room.coupon(guest, 30)
    room.confirm(guest, room.sheet(guest, room.token("B1")))
    (told,) = room.events()
    clock.move_to("2026-12-22 20:00")
    room.tick()
    done = room.settle_as_told(told)
    assert (done.status_code, done.get_json()["paid_fen"]) == (201, 7000)
    assert guest.numbers("redeemed") == [coupon]
