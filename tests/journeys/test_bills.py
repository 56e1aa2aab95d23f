"""账单: priced at its best, paid in every way, given back whole or in parts, to the fen.
(S1-18…22, S2-38…50; M-02…M-04, M-06)"""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.backend.redemption.coupons import a_coupon, number_of, state_of
from tests.builders import a_shop, a_template
from tests.conftest import StillClock
from tests.journeys.guest import TOGETHER, Guest, cash, is_sound, paid, said
from tests.miniprogram_api.pos.till import a_dish


@pytest.fixture
def guest(app: Flask, http: FlaskClient, clock: StillClock) -> Guest:
    return Guest(http, clock, a_shop())


@pytest.fixture(autouse=True)
def sound(guest: Guest) -> Any:  # noqa: ANN401
    yield
    is_sound()


def test_S1_21_S1_22_the_printed_bill_to_the_figure(guest: Guest) -> None:
    """The bill of the seed: 订单 284.00 = 会员卡 184.00 + 票券 100.00; 本次积分 284, 累计 681."""
    guest.is_called("右姑娘火锅", store="皇岗 店")
    guest.clock.move_to("2026-11-23 17:30")
    guest.has(balance_fen=59294, points_=397, card="469658366010495662")
    number = guest.coupon(10000)
    lines = [
        a_dish("D001", 18, quantity=2, name="朝日超爽黑生啤") | {"unit": "份"},
        a_dish("D002", 48, name="王老吉") | {"unit": "份"},
        a_dish("D003", 199, name="凉瓜黄豆汤底") | {"unit": "条"},
    ]
    done = guest.settle(
        "20200525000",
        *lines,
        tenders=[paid("balance", 18400), {"method": "coupon", "number": number}],
        service_fen=100,
        table="S001",
        guests=10,
        cashier="系统管理员",
        opened_at="2026-11-22T15:23:00+08:00",
        settled_at="2026-11-23T17:31:00+08:00",
    )
    assert done.status_code == 201, done.json
    told = done.json
    assert (told["paid_fen"], told["reduction_fen"]) == (18400, 10000)
    assert (told["points_earned"], told["points_total"]) == (284, 681)
    assert told["balance_fen"] == 40894
    assert told["receipt_text"].splitlines() == [
        "      右姑娘火锅(皇岗 店)",
        "             结账单",
        "台位:S001",
        "单号:20200525000 人数:10",
        "收银:系统管理员 第1次打印",
        "开台:11-22 15:23",
        "结账:11-23 17:31",
        "-" * 32,
        "商品名称          数量      金额",
        "朝日超爽黑生啤     2份     36.00",
        "王老吉             1份     48.00",
        "凉瓜黄豆汤底       1条    199.00",
        "-" * 32,
        "服务费:                     1.00",
        "订单金额:                 284.00",
        "应付金额:                 284.00",
        "-" * 32,
        "会员卡:                   184.00",
        "票券x1:                   100.00",
        "-" * 32,
        "卡号:         469658366010495662",
        "手机号码:            181****4469",
        "卡内余额:408.94 本次积分:284",
        "累计积分:681",
        "-" * 32,
        "     谢谢惠顾,欢迎下次光临!",
    ]
    data = told["receipt"]
    assert (data["store"], data["table"], data["number"]) == (
        "右姑娘火锅(皇岗 店)",
        "S001",
        "20200525000",
    )
    assert data["settled_at"] == "2026-11-23T17:31:00+08:00"
    assert data["tenders"][1] == {"method": "coupon", "label": "票券x1", "amount_fen": 10000}
    assert data["member"] == {
        "card": "469658366010495662",
        "phone": "181****4469",
        "balance_fen": 40894,
        "points_earned": 284,
        "points_total": 681,
    }
    again = guest.till.get("/bills/20200525000/receipt").json
    assert again["printed"] == 2
    assert "收银:系统管理员 第2次打印" in again["receipt_text"].splitlines()


def test_S2_41_level_discount_or_coupon_whichever_is_less_to_pay(guest: Guest) -> None:
    guest.level(discount_bp=9000, held=True)
    number = guest.coupon(2000)
    best = guest.quote(a_dish(yuan=100), service_fen=500)
    assert ([c["number"] for c in best["chosen"]], best["to_pay_fen"]) == ([number], 8500)
    assert (best["level_discount_fen"], best["points_earned"]) == (0, 105)
    bigger = guest.quote(a_dish(yuan=300), service_fen=500)
    assert (bigger["chosen"], bigger["level_discount_fen"]) == ([], 3000)
    assert bigger["level_lines"] == [{"line": 0, "reduction_fen": 3000}]
    assert (bigger["to_pay_fen"], bigger["points_earned"]) == (27500, 275)
    equal = guest.quote(a_dish(yuan=200))
    assert (equal["chosen"], equal["level_discount_fen"]) == ([], 2000)


def test_S2_40_shared_level_coupon_and_points_reduce_one_bill(guest: Guest) -> None:
    guest.house(sharing="shared", points={"per_yuan": 50, "max_bp": 5000})
    guest.level(discount_bp=9000, held=True)
    guest.has(points_=1000)
    numbers = {guest.coupon(1000, combine=TOGETHER), guest.coupon(500, combine=TOGETHER)}
    dishes = [a_dish("D001", 60), a_dish("D002", 40)]
    best = guest.quote(*dishes, points=501)
    assert {each["number"] for each in best["chosen"]} == numbers
    assert (best["level_discount_fen"], best["points_fen"]) == (850, 1002)
    assert (best["reduction_fen"], best["to_pay_fen"]) == (3352, 6648)
    done = guest.settle("B1", *dishes, tenders=[cash(6648)], quote_id=best["quote_id"])
    assert done.status_code == 201, done.json
    assert (done.json["paid_fen"], done.json["reduction_fen"]) == (6648, 3352)
    assert done.json["points_earned"] == best["points_earned"] == 91
    assert done.json["points_total"] == 1000 - 501 + 91
    text = done.json["receipt_text"]
    assert "会员折扣:                  -8.50" in text
    assert "应付金额:                  91.50" in text
    assert "票券x2:                    15.00" in text
    assert "积分:                      10.02" in text


def test_points_named_among_the_tenders_pay_instead_of_those_of_the_quote(guest: Guest) -> None:
    guest.house(points={"per_yuan": 100, "max_bp": 5000})
    guest.has(points_=1000)
    quote = guest.quote(a_dish(yuan=100), points=800)
    assert (quote["points_fen"], quote["to_pay_fen"]) == (800, 9200)
    tenders = [cash(9500), paid("points", 500)]
    done = guest.settle("B1", a_dish(yuan=100), tenders=tenders, quote_id=quote["quote_id"])
    assert (done.status_code, done.json["points_total"]) == (201, 1000 - 500 + 100)


@pytest.mark.parametrize(
    ("tenders", "code", "message"),
    [
        ([cash(9999)], "TENDER_MISMATCH", "应收100元，实收99.99元，金额不一致"),
        ([paid("balance", 10000)], "BALANCE_INSUFFICIENT", "余额不足"),
        ([cash(9000), paid("points", 1000)], "POINTS_INSUFFICIENT", "积分不足，还差400积分"),
        ([cash(4000), paid("points", 6000)], "POINTS_BEYOND_SHARE", "本单积分最多抵50元"),
    ],
)
def test_a_bill_that_cannot_be_paid_so_changes_nothing(
    guest: Guest, tenders: list[dict[str, Any]], code: str, message: str
) -> None:
    guest.house(points={"per_yuan": 100, "max_bp": 5000})
    guest.has(points_=600, balance_fen=5000)
    before = guest.figures()
    refused = guest.settle("B1", a_dish(yuan=100), tenders=tenders)
    assert said(refused) == (422, code, message)
    assert guest.figures() == before


def test_S2_41_points_and_a_coupon_do_not_go_together_where_nothing_is_shared(
    guest: Guest,
) -> None:
    guest.house(points={"per_yuan": 100, "max_bp": 5000})
    guest.has(points_=600)
    number = guest.coupon(1000, title="代金券")
    tenders = [cash(8500), paid("points", 500), {"method": "coupon", "number": number}]
    refused = guest.settle("B1", a_dish(yuan=100), tenders=tenders)
    assert said(refused) == (422, "NOT_COMBINABLE", "不能与代金券同时使用")


def test_S2_38_a_bill_lifts_the_level_and_its_refund_takes_it_back(guest: Guest) -> None:
    guest.level(discount_bp=9500, upgrade={"amount_fen": 10000})
    done = guest.settle("B1", a_dish(yuan=100), tenders=[cash(10000)])
    assert (done.json["level"], done.json["class"]) == ("银卡", "ordinary")
    back = guest.refund("B1", "T1").json
    assert (back["level"], back["class"], back["points_total"]) == ("普通会员", "new", 0)


def test_a_whole_refund_brings_everything_back_once(guest: Guest) -> None:
    """M-06: 赠金 comes back first, 本金 after it."""
    guest.house(sharing="shared", points={"per_yuan": 100, "max_bp": 5000})
    guest.has(balance_fen=5000, bonus_fen=1000, points_=500)
    template = a_template(guest.shop, rule={"value_fen": 1000})
    coupon = a_coupon(guest.shop, guest.id, template)
    before = guest.figures()
    tenders = [
        paid("balance", 5500),
        cash(3000),
        paid("points", 500),
        {"method": "coupon", "number": number_of(coupon)},
    ]
    assert guest.settle("B1", a_dish(yuan=100), tenders=tenders).status_code == 201
    assert state_of(guest.shop, coupon) == "redeemed"
    back = guest.refund("B1", "T1")
    assert back.status_code == 200, back.json
    assert (back.json["refunded_fen"], back.json["balance_refunded_fen"]) == (8500, 5500)
    assert [each["state"] for each in back.json["coupons"]] == ["usable"]
    assert guest.figures() == before
    assert guest.refund("B1", "T1").json == back.json
    assert said(guest.refund("B1", "T1", (0, 1)))[:2] == (409, "REFUND_CONFLICT")
    assert said(guest.refund("B1", "T2")) == (422, "REFUND_EXCEEDS", "退款超过可退金额")
    assert said(guest.refund("B9", "T1"))[:2] == (404, "BILL_NOT_FOUND")
    assert guest.figures() == before


def test_a_coupon_whose_time_is_over_comes_back_expired(guest: Guest) -> None:
    coupon = a_coupon(guest.shop, guest.id, a_template(guest.shop), days=1)
    tenders = [cash(9000), {"method": "coupon", "number": number_of(coupon)}]
    assert guest.settle("B1", a_dish(yuan=100), tenders=tenders).status_code == 201
    guest.clock.move_to("2026-11-26 09:00")
    (back,) = guest.refund("B1", "T1").json["coupons"]
    assert back["state"] == "expired"


def test_M_04_units_give_the_floor_of_their_share_and_the_last_one_the_rest(guest: Guest) -> None:
    """¥100 off 3 × ¥50 and ¥80: 3 units paid 84.78 → 28.26 each; points anew for what remains."""
    number = guest.coupon(10000)
    dishes = [a_dish("D001", 50, quantity=3), a_dish("D002", 80)]
    tenders = [cash(14000), {"method": "coupon", "number": number}]
    done = guest.settle("B1", *dishes, tenders=tenders, service_fen=1000)
    assert (done.json["points_earned"], done.json["paid_fen"]) == (240, 14000)
    first = guest.refund("B1", "T1", (0, 1)).json
    assert (first["refunded_fen"], first["coupons"], first["points_total"]) == (2826, [], 190)
    second = guest.refund("B1", "T2", (0, 1)).json
    assert (second["refunded_fen"], second["points_total"], second["class"]) == (
        2826,
        140,
        "ordinary",
    )
    assert said(guest.refund("B1", "T3", (0, 2)))[1] == "REFUND_EXCEEDS"
    assert said(guest.refund("B1", "T3", (7, 1)))[1] == "REFUND_EXCEEDS"
    assert guest.figures() == (140, 0, 1, 14000 - 2 * 2826, "ordinary")
    rest = guest.refund("B1", "T4").json
    assert rest["refunded_fen"] == 14000 - 2 * 2826
    assert [each["number"] for each in rest["coupons"]] == [number]
    assert guest.figures() == (0, 0, 0, 0, "new")


def test_points_that_are_spent_by_now_go_when_what_they_paid_comes_back(guest: Guest) -> None:
    """E-07, R-25: earn, spend, give the meal back: never below zero, and nothing from the second
    bill's own point; giving the second meal back leaves nobody a point."""
    guest.house(points={"per_yuan": 100, "max_bp": 10000})
    guest.settle("B1", a_dish(yuan=100), tenders=[cash(10000)])
    guest.settle("B2", a_dish("D009", 1), tenders=[paid("points", 100)])
    back = guest.refund("B1", "T1").json
    assert (back["points_total"], back["points_taken_back"]) == (1, 0)
    assert guest.refund("B2", "T2").json["points_total"] == 0
