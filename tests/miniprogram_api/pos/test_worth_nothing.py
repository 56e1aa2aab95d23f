"""A bill worth nothing is no consumption (R-23), and uses up no coupon (R-26)."""

from flask import Flask
from flask.testing import FlaskClient

from backend.reports import doctor
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import a_member, a_shop, a_template
from tests.miniprogram_api.pos.till import a_bill, a_dish, till_of

FREE = a_dish("D001", 0)


def test_a_bill_worth_nothing_is_no_visit(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    member, till = a_member(shop), till_of(http, shop)
    for number in ("B1", "B2", "B3"):
        body = a_bill(FREE, member_id=member) | {"tenders": []}
        done = till.post(f"/bills/{number}/settle", body)
        assert (done.status_code, done.get_json()["class"]) == (201, "new")
    assert till.post("/bills/B1/refund", {"refund": "R1"}).get_json()["class"] == "new"
    paid = till.post("/bills/B4/settle", a_bill(member_id=member)).get_json()
    assert paid["class"] == "ordinary"
    assert doctor.check() == []


def test_a_bill_that_a_coupon_pays_whole_is_a_visit(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = number_of(a_coupon(shop, member, a_template(shop, rule={"value_fen": 10000})))
    body = a_bill(coupon=coupon, member_id=member)
    body["tenders"] = body["tenders"][:1]
    done = till_of(http, shop).post("/bills/B1/settle", body).get_json()
    assert (done["paid_fen"], done["class"]) == (0, "ordinary")


def test_a_coupon_that_takes_nothing_off_is_refused_and_not_used(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    till, number = till_of(http, shop), number_of(coupon)
    body = a_bill(FREE, coupon=number)
    body["tenders"] = body["tenders"][:1]
    assert till.post("/bills/B1/settle", body).get_json()["code"] == "NOTHING_OFF"
    quote = till.post("/quotes", {"lines": [FREE], "coupons": [number]}).get_json()
    (told,) = quote["candidates"]
    assert (quote["chosen"], told["applicable"], told["code"]) == ([], False, "NOTHING_OFF")
    scan = {"scan": number, "lines": [FREE]}
    assert till.post("/coupons/check", scan).get_json()["code"] == "NOTHING_OFF"
    assert till.post("/coupons/redeem", scan).get_json()["code"] == "NOTHING_OFF"
    done = till.post("/bills/B2/settle", a_bill(coupon=number, cash_fen=9000))
    assert done.status_code == 201


def test_a_coupon_to_which_the_others_leave_nothing_stays_unused(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    member = a_member(shop)
    worth = [8000, 8000, 8000]
    numbers = [
        number_of(
            a_coupon(
                shop,
                member,
                a_template(shop, rule={"value_fen": fen}, combine={"coupons": True}),
            )
        )
        for fen in worth
    ]
    till = till_of(http, shop)
    body = a_bill() | {"tenders": [{"method": "coupon", "number": each} for each in numbers]}
    assert till.post("/bills/B1/settle", body).get_json()["code"] == "NOTHING_OFF"
    quote = till.post("/quotes", {"lines": [a_dish()], "coupons": numbers}).get_json()
    assert (quote["to_pay_fen"], len(quote["chosen"])) == (0, 2)
    refused = [each for each in quote["candidates"] if not each["applicable"]]
    assert [each["code"] for each in refused] == ["NOTHING_OFF"]
    body["tenders"] = body["tenders"][:2]
    assert till.post("/bills/B1/settle", body).get_json()["paid_fen"] == 0
    assert [each for each in doctor.check() if "grant_id" not in each.name] == []


def test_a_coupon_given_by_its_text_may_take_nothing_off(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    template = a_template(shop, kind="general", rule={"text": "赠送果盘一份"})
    number = number_of(a_coupon(shop, a_member(shop), template))
    assert till_of(http, shop).post("/bills/B1/settle", a_bill(coupon=number)).status_code == 201
