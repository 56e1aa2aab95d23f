"""结账 over HTTP: priced, paid, counted once; every refusal in the cashier's words."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import JsonValue
from sqlalchemy import select

from backend import tenancy
from backend.database import db, transaction
from backend.members.models import ClassChange, Member
from backend.messaging.models import Intent
from backend.sales.models import Bill, BillLine, BillTender
from tests.backend.redemption.coupons import a_coupon, number_of, redemptions_of, state_of
from tests.builders import a_member, a_shop, a_template, reread
from tests.conftest import StillClock
from tests.miniprogram_api.pos.till import a_bill, a_dish, till_of
from tests.miniprogram_api.statements import counting

EVERY_300 = {"threshold_fen": 30000, "reduce_fen": 10000}


def test_every_full_takes_400_off_1200_on_one_coupon(app: Flask, http: FlaskClient) -> None:
    """S0-19, S0-20."""
    shop = a_shop()
    member = a_member(shop, phone="18100004469")
    coupon = a_coupon(shop, member, a_template(shop, kind="every_full", rule=EVERY_300))
    bill = a_bill(
        a_dish("D001", 100, quantity=7),
        a_dish("D002", 500, name="鱼"),
        member_id=member,
        service_fen=1000,
        coupon=number_of(coupon),
        cash_fen=81000,
    )
    answer = till_of(http, shop).post("/bills/B1/settle", bill)
    assert answer.status_code == 201, answer.get_json()
    settled = answer.get_json()
    told = {"receipt": {}, "receipt_text": "", "receipt_escpos": ""}
    assert settled.keys() >= told.keys()
    assert settled | told == {
        "bill": "B1",
        "paid_fen": 81000,
        "reduction_fen": 40000,
        "points_earned": 0,
        "points_total": 0,
        "balance_fen": 0,
        "class": "ordinary",
        "level": "普通会员",
        "gift": None,
        **told,
    }
    reread()
    assert state_of(shop, coupon) == "redeemed"
    (redemption,) = redemptions_of(shop, coupon)
    with tenancy.acting_for(shop.merchant_id):
        row = db.session.scalars(select(Bill)).one()
        assert (redemption.bill_id, redemption.reduction_fen) == (row.id, 40000)
        assert (row.lines_fen, row.service_fen, row.reduction_fen, row.paid_fen) == (
            120000,
            1000,
            40000,
            81000,
        )
        off = [line.reduction_fen for line in db.session.scalars(select(BillLine))]
        assert off == [23333, 16667]
        tenders = [
            (t.method, t.amount_fen, t.coupon_id) for t in db.session.scalars(select(BillTender))
        ]
        assert tenders == [("coupon", 40000, coupon), ("cash", 81000, None)]
        purposes = {(i.member_id, i.purpose) for i in db.session.scalars(select(Intent))}
        assert purposes == {(member, "coupon_redeemed"), (member, "consumption_complete")}


def test_bills_move_a_customer_from_new_to_ordinary_to_loyal(app: Flask, http: FlaskClient) -> None:
    """S0-04…06."""
    shop = a_shop()
    member = a_member(shop)
    till = till_of(http, shop)
    classes = [
        till.post(f"/bills/B{n}/settle", a_bill(member_id=member)).get_json()["class"]
        for n in range(3)
    ]
    assert classes == ["ordinary", "loyal", "loyal"]
    reread()
    with tenancy.acting_for(shop.merchant_id):
        row = tenancy.find(Member, member)
        assert row is not None
        assert (row.consumption_count, row.consumption_fen) == (3, 30000)
        moves = [
            (m.before, m.after)
            for m in db.session.scalars(select(ClassChange).order_by(ClassChange.id))
        ]
        assert moves == [("new", "ordinary"), ("ordinary", "loyal")]


def test_the_same_bill_answers_the_first_answer_and_another_content_is_refused(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = number_of(a_coupon(shop, member, a_template(shop)))
    bill = a_bill(member_id=member, coupon=coupon, cash_fen=9000)
    till = till_of(http, shop)
    first = till.post("/bills/B1/settle", bill)
    clock.move_to("2026-11-24 09:00")
    again = till.post("/bills/B1/settle", bill)
    assert (again.status_code, again.get_json()) == (201, first.get_json())
    for other in ({"table": "A13"}, {"member_id": None}, {"cashier": ""}):
        refused = till.post("/bills/B1/settle", bill | other)
        assert (refused.status_code, refused.get_json()["code"]) == (409, "BILL_CONFLICT")
    reread()
    with tenancy.acting_for(shop.merchant_id):
        row = tenancy.find(Member, member)
        assert row is not None and row.consumption_count == 1
    assert till.post("/bills/B2/settle", a_bill(member_id=member)).status_code == 201


@pytest.mark.parametrize(
    ("template", "bill", "status", "code", "message"),
    [
        (
            {"kind": "gift", "rule": {"dishes": ["D009"], "quantity": 1}},
            {},
            422,
            "DISH_MISSING",
            "订单中没有此券相关菜品,不能使用",
        ),
        ({"minimum_fen": 15000}, {}, 422, "BELOW_MINIMUM", "满150元可用，还差50元"),
        (
            {"kind": "every_full", "rule": EVERY_300},
            {},
            422,
            "BELOW_MINIMUM",
            "满300元可用，还差200元",
        ),
        ({"stores": ["s09"]}, {}, 422, "STORE_NOT_ALLOWED", None),
        (
            {"hours": {"weekdays": [1, 2, 3, 4, 5], "hours": ["11:00-14:00"]}},
            {},
            422,
            "TIME_NOT_ALLOWED",
            "该券在周一至周五 11:00-14:00可用",
        ),
        ({}, {"settled_at": "2026-11-23T07:59:59+08:00"}, 422, "COUPON_NOT_STARTED", None),
        ({"days": 30}, {"cash_fen": 10000}, 422, "TENDER_MISMATCH", None),
    ],
)
def test_a_coupon_that_cannot_be_used_here_stops_the_bill(
    app: Flask,
    http: FlaskClient,
    template: dict[str, Any],
    bill: dict[str, JsonValue],
    status: int,
    code: str,
    message: str | None,
) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop, **template))
    content = a_bill(**{"coupon": number_of(coupon), "cash_fen": 9000} | bill)  # type: ignore
    answer = till_of(http, shop).post("/bills/B1/settle", content)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    if message:
        assert answer.get_json()["message"] == message
    assert state_of(shop, coupon) == "usable"
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Bill)).all() == []
        assert db.session.scalars(select(Intent)).all() == []


def test_what_remains_to_pay_is_told_when_the_tenders_do_not_match(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    answer = till_of(http, shop).post("/bills/B1/settle", a_bill(cash_fen=9999))
    assert answer.status_code == 422
    assert answer.get_json()["code"] == "TENDER_MISMATCH"
    assert answer.get_json()["detail"]["to_pay_fen"] == 10000


def test_two_coupons_do_not_go_together_on_one_bill(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    member, template = a_member(shop), a_template(shop, title="代金券")
    numbers = [number_of(a_coupon(shop, member, template)) for _ in range(2)]
    bill = a_bill(cash_fen=8000)
    bill["tenders"] += [{"method": "coupon", "number": number} for number in numbers]
    answer = till_of(http, shop).post("/bills/B1/settle", bill).get_json()
    assert (answer["code"], answer["message"]) == ("NOT_COMBINABLE", "不能与代金券同时使用")


@pytest.mark.parametrize("method", ["balance", "points"])
def test_balance_and_points_are_somebodys(app: Flask, http: FlaskClient, method: str) -> None:
    bill = a_bill(tenders=[{"method": method, "amount_fen": 10000}])
    answer = till_of(http, a_shop()).post("/bills/B1/settle", bill)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "MEMBER_REQUIRED")


@pytest.mark.parametrize("method", ["wechat", "card"])
def test_other_money_is_a_plain_amount(app: Flask, http: FlaskClient, method: str) -> None:
    bill = a_bill(tenders=[{"method": method, "amount_fen": 10000}])
    answer = till_of(http, a_shop()).post("/bills/B1/settle", bill)
    assert (answer.status_code, answer.get_json()["paid_fen"]) == (201, 10000)
    assert answer.get_json()["class"] is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"settled_at": "2026-11-23T08:05:01+08:00"}, "settled_at"),
        ({"settled_at": "2026-11-23T08:00:00"}, "settled_at"),
        ({"settled_at": 1795300000}, "settled_at"),
        ({"settled_at": "0001-01-01T00:00:00+08:00"}, "settled_at"),
        ({"opened_at": "9999-12-31T23:59:59-08:00"}, "opened_at"),
        ({"member_id": 2**63}, "member_id"),
        ({"lines": [a_dish() | {"quantity": "0.0005"}]}, "lines.0.quantity"),
        ({"lines": [a_dish() | {"quantity": "0.000"}]}, "lines.0.quantity"),
        ({"lines": [a_dish() | {"quantity": "-1"}]}, "lines.0.quantity"),
        ({"lines": [a_dish() | {"quantity": "1e2"}]}, "lines.0.quantity"),
        ({"lines": [a_dish() | {"quantity": 0.5}]}, "lines.0.quantity"),
        ({"lines": []}, "lines"),
        ({"lines": [a_dish() | {"quantity": 0}]}, "lines.0.quantity"),
        ({"lines": [a_dish() | {"price_fen": -1}]}, "lines.0.price_fen"),
        ({"lines": [a_dish() | {"price_fen": True}]}, "lines.0.price_fen"),
        ({"tenders": [{"method": "gold", "amount_fen": 1}]}, "tenders.0.method"),
        ({"tenders": [{"method": "cash"}]}, "tenders.0"),
        ({"tenders": [{"method": "coupon"}]}, "tenders.0"),
        ({"tenders": None}, "tenders"),
    ],
)
def test_what_is_malformed_is_named(
    app: Flask, http: FlaskClient, wrong: dict[str, Any], field: str
) -> None:
    answer = till_of(http, a_shop()).post("/bills/B1/settle", a_bill() | wrong)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "PARAM_ERROR")
    assert field in [error["field"] for error in answer.get_json()["detail"]["errors"]]


def test_settling_takes_as_many_statements_for_two_lines_as_for_sixty(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    member, template = a_member(shop), a_template(shop)
    till, counted = till_of(http, shop), []
    for lines in (2, 60):
        numbers = [number_of(a_coupon(shop, member, template)) for _ in range(lines)]
        dishes = [a_dish(f"D{n}", 10) for n in range(lines)]
        bill = a_bill(*dishes, member_id=member, coupon=numbers[-1], cash_fen=lines * 1000 - 1000)
        with counting(db.engine) as statements:
            assert till.post(f"/bills/B{lines}/settle", bill).status_code == 201
        counted.append(len(statements))
    assert counted[0] == counted[1]
    assert counted[0] <= 38, statements


def test_a_till_up_to_five_minutes_ahead_is_believed(app: Flask, http: FlaskClient) -> None:
    bill = a_bill(settled_at="2026-11-23T08:05:00+08:00")
    assert till_of(http, a_shop()).post("/bills/B1/settle", bill).status_code == 201


def test_an_offline_bill_is_judged_at_its_own_time(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    shop = a_shop()
    coupon = a_coupon(shop, a_member(shop), a_template(shop), days=1)
    bill = a_bill(coupon=number_of(coupon), cash_fen=9000, settled_at="2026-11-24T07:59:59+08:00")
    clock.move_to("2026-11-25 09:00")
    assert till_of(http, shop).post("/bills/B1/settle", bill).status_code == 201
    (redemption,) = redemptions_of(shop, coupon)
    assert redemption.at == clock.move_to("2026-11-24 07:59:59")


def test_an_unknown_or_foreign_member_is_not_found_and_an_alias_leads_to_the_survivor(
    app: Flask, http: FlaskClient
) -> None:
    shop, foreign = a_shop(), a_shop()
    younger, survivor, theirs = a_member(shop), a_member(shop), a_member(foreign)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        row = tenancy.find(Member, younger)
        assert row is not None
        row.alias_of_id = survivor
    till = till_of(http, shop)
    for member in (theirs, 10**12):
        refused = till.post("/bills/B1/settle", a_bill(member_id=member))
        assert (refused.status_code, refused.get_json()["code"]) == (404, "MEMBER_NOT_FOUND")
    assert till.post("/bills/B2/settle", a_bill(member_id=younger)).status_code == 201
    reread()
    with tenancy.acting_for(shop.merchant_id):
        assert [row.member_id for row in db.session.scalars(select(Bill))] == [survivor]
        row = tenancy.find(Member, survivor)
        assert row is not None and row.consumption_count == 1


def test_another_merchants_coupon_is_unknown_at_this_till(app: Flask, http: FlaskClient) -> None:
    shop, foreign = a_shop(), a_shop()
    theirs = a_coupon(foreign, a_member(foreign), a_template(foreign))
    bill = a_bill(coupon=number_of(theirs), cash_fen=9000)
    answer = till_of(http, shop).post("/bills/B1/settle", bill)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "COUPON_NOT_FOUND")
