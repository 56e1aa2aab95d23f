"""手动批价 over HTTP: by whoever may, within the price, guaranteed, logged, given back exactly.
(S2-45, S2-49)"""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import clock, tenancy
from backend.database import db, transaction
from backend.merchants.models import AuditEntry, Staff
from backend.reports import doctor
from backend.sales.models import Bill, BillLine, Quote
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import Shop, a_member, a_shop, a_template, reread
from tests.miniprogram_api.pos.till import a_bill, a_dish, till_of

DISHES = (a_dish("D001", 60), a_dish("D002", 40))
"""¥100, and ¥5 of service."""


def a_person(
    shop: Shop,
    login: str = "lijie",
    *,
    role: str = "store_manager",
    stores: list[str] | None = None,
    active: bool = True,
) -> str:
    with transaction():
        row = Staff(
            merchant_id=shop.merchant_id,
            login=login,
            role=role,
            stores=stores,
            active=active,
            password_hash="unused",
            created_at=clock.now(),
        )
        db.session.add(row)
    return login


def a_quote(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"lines": list(DISHES), "service_fen": 500, **more}


def by_hand(staff: str = "lijie", **figure: int) -> dict[str, Any]:
    return {"staff": staff, "reason": "老客抹零", **figure}


@pytest.mark.parametrize(
    ("figure", "manual_fen", "lines"),
    [
        ({"to_pay_fen": 10000}, 500, [300, 200]),
        ({"reduce_fen": 1}, 1, [1, 0]),
        ({"reduce_fen": 10000}, 10000, [6000, 4000]),
        ({"to_pay_fen": 500}, 10000, [6000, 4000]),
        ({"to_pay_fen": 10500}, 0, [0, 0]),
    ],
)
def test_a_price_is_changed_to_a_figure_or_by_one_over_the_dishes_alone(
    app: Flask, http: FlaskClient, figure: dict[str, int], manual_fen: int, lines: list[int]
) -> None:
    shop = a_shop()
    a_person(shop)
    answer = till_of(http, shop).post("/quotes", a_quote(manual=by_hand(**figure)))
    assert answer.status_code == 200, answer.get_json()
    quote = answer.get_json()
    assert (quote["manual_fen"], quote["reduction_fen"]) == (manual_fen, manual_fen)
    assert quote["to_pay_fen"] == 10500 - manual_fen
    told = {each["line"]: each["reduction_fen"] for each in quote["manual_lines"]}
    assert [told.get(place, 0) for place in range(2)] == lines


@pytest.mark.parametrize(
    "figure", [{"to_pay_fen": 10501}, {"to_pay_fen": 499}, {"reduce_fen": 10001}]
)
def test_never_above_what_is_to_pay_and_never_into_the_service_fee(
    app: Flask, http: FlaskClient, figure: dict[str, int]
) -> None:
    shop = a_shop()
    a_person(shop)
    refused = till_of(http, shop).post("/quotes", a_quote(manual=by_hand(**figure)))
    assert (refused.status_code, refused.get_json()["code"]) == (422, "BEYOND_THE_PRICE")
    assert refused.get_json()["detail"]["most_fen"] == 10000


@pytest.mark.parametrize(
    "person",
    [
        {"role": "cashier"},
        {"role": "marketing"},
        {"role": "read_only"},
        {"active": False},
        {"stores": ["s02"]},
        {"login": "somebody-else"},
    ],
    ids=str,
)
def test_who_may_not_is_told_who_may_and_nothing_is_quoted(
    app: Flask, http: FlaskClient, person: dict[str, Any]
) -> None:
    shop, foreign = a_shop(), a_shop()
    a_person(foreign)
    a_person(shop, **person)
    refused = till_of(http, shop).post("/quotes", a_quote(manual=by_hand(reduce_fen=100)))
    assert (refused.status_code, refused.get_json()["code"]) == (403, "MAY_NOT_CHANGE_PRICE")
    assert "店长" in refused.get_json()["detail"]["hint"]
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Quote)).all() == []
        assert db.session.scalars(select(AuditEntry)).all() == []


@pytest.mark.parametrize("role", ["owner", "store_manager"])
def test_owner_and_manager_of_the_store_may_and_the_log_says_who_and_why(
    app: Flask, http: FlaskClient, role: str
) -> None:
    shop = a_shop()
    a_person(shop, role=role, stores=["s01"])
    asked = a_quote(manual=by_hand(to_pay_fen=9900), bill="B7")
    quote = till_of(http, shop).post("/quotes", asked).get_json()
    (entry,) = db.session.scalars(select(AuditEntry)).all()
    assert (entry.actor, entry.action, entry.subject) == ("lijie", "price.change", "账单 B7")
    assert (entry.before, entry.origin) == ({"to_pay_fen": 10500}, f"till {shop.pos_key}")
    assert entry.after == {
        "to_pay_fen": 9900,
        "manual_fen": 600,
        "reason": "老客抹零",
        "quote": quote["quote_id"],
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"staff": "lijie", "reason": "老客"},
        {"staff": "lijie", "reason": "老客", "to_pay_fen": 1, "reduce_fen": 1},
        {"staff": "lijie", "reason": "", "reduce_fen": 1},
        {"staff": "lijie", "reason": "老客", "reduce_fen": -1},
        {"reason": "老客", "reduce_fen": 1},
    ],
    ids=str,
)
def test_a_change_says_one_figure_who_and_why(
    app: Flask, http: FlaskClient, wrong: dict[str, Any]
) -> None:
    shop = a_shop()
    a_person(shop)
    refused = till_of(http, shop).post("/quotes", a_quote(manual=wrong))
    assert (refused.status_code, refused.get_json()["code"]) == (400, "PARAM_ERROR")


def test_the_changed_price_is_what_the_bill_costs_and_its_refund_gives_back_to_the_fen(
    app: Flask, http: FlaskClient
) -> None:
    """¥100 − coupon ¥10 − by hand ¥6.67 → 83.33 and service; three units of the first dish."""
    shop = a_shop()
    a_person(shop)
    member = a_member(shop)
    coupon = number_of(a_coupon(shop, member, a_template(shop)))
    dishes = [a_dish("D001", 20, quantity=3), a_dish("D002", 40)]
    till = till_of(http, shop)
    asked = {"member_id": member, "lines": dishes, "service_fen": 500}
    quote = till.post("/quotes", asked | {"manual": by_hand(reduce_fen=667)}).get_json()
    assert [each["number"] for each in quote["chosen"]] == [coupon]
    assert (quote["to_pay_fen"], quote["reduction_fen"], quote["proven"]) == (8833, 1667, True)
    named = {"member_id": member, "quote_id": quote["quote_id"], "service_fen": 500}
    short = till.post("/bills/B1/settle", a_bill(*dishes, cash_fen=8832, **named)).get_json()
    assert (short["code"], short["detail"]["to_pay_fen"]) == ("TENDER_MISMATCH", 8833)
    done = till.post("/bills/B1/settle", a_bill(*dishes, cash_fen=8833, **named))
    assert (done.status_code, done.get_json()["reduction_fen"]) == (201, 1667)
    reread()
    with tenancy.acting_for(shop.merchant_id):
        row = db.session.scalars(select(Bill)).one()
        assert (row.manual_fen, row.paid_fen) == (667, 8833)
        lines = db.session.scalars(select(BillLine).order_by(BillLine.line)).all()
        assert sum(each.manual_fen for each in lines) == 667
        paid = [each.thousandths // 1000 * each.price_fen - each.reduction_fen for each in lines]
    back = [
        till.post("/bills/B1/refund", {"refund": f"T{n}", "lines": [{"line": 0, "quantity": 1}]})
        for n in range(2)
    ]
    assert [each.get_json()["refunded_fen"] for each in back] == [paid[0] // 3] * 2
    rest = till.post("/bills/B1/refund", {"refund": "T9"}).get_json()
    assert rest["refunded_fen"] == 8833 - paid[0] // 3 * 2
    reread()
    assert [str(each) for each in doctor.check() if "grant_id" not in str(each)] == []


def test_a_price_of_nothing_is_settled_without_money(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    a_person(shop, role="owner")
    till = till_of(http, shop)
    asked = {"lines": list(DISHES), "manual": by_hand(to_pay_fen=0)}
    quote = till.post("/quotes", asked).get_json()
    bill = a_bill(*DISHES, quote_id=quote["quote_id"], tenders=[])
    assert till.post("/bills/B1/settle", bill).get_json()["paid_fen"] == 0
