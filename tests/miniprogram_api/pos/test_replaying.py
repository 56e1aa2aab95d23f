"""离线补传 over HTTP: in order, each at its own time, nothing lost silently. (spec/05, 10)"""

from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.sales import bill, refused_bills
from backend.sales.models import Bill, RefusedBill
from miniprogram_api.pos import replays
from tests.backend.redemption.coupons import a_coupon, number_of, redemptions_of, state_of
from tests.builders import Shop, a_member, a_shop, a_template, reread
from tests.conftest import StillClock
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of


def named(number: object, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"bill": number, **a_bill(**more)}


def sends(till: TillClient, *bills: object) -> list[dict[str, Any]]:
    answer = till.post("/bills/replay", {"bills": list(bills)})
    assert answer.status_code == 200, answer.get_json()
    items: list[dict[str, Any]] = answer.get_json()["items"]
    return items


def statuses(items: list[dict[str, Any]]) -> list[tuple[str, int, str | None]]:
    return [
        (each["bill"], each["status"], each["error"] and each["error"]["code"]) for each in items
    ]


def kept(shop: Shop) -> list[RefusedBill]:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return list(db.session.scalars(select(RefusedBill).order_by(RefusedBill.id)))


def entered(shop: Shop) -> list[datetime]:
    ids = [row.id for row in kept(shop)]
    with tenancy.acting_for(shop.merchant_id):
        return list(refused_bills.entered_at(ids).values())


def test_each_bill_is_judged_at_its_own_time_and_the_first_in_order_has_the_coupon(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop), days=1)
    number = number_of(coupon)
    clock.move_to("2026-11-26 09:00")
    items = sends(
        till_of(http, shop),
        named("B1", coupon=number, cash_fen=9000, member_id=member),
        named("B2", coupon=number, cash_fen=9000, settled_at="2026-11-23T20:00:00+08:00"),
        named("B3", coupon=number, cash_fen=9000, settled_at="2026-11-25T20:00:00+08:00"),
        named("B4", settled_at="2026-11-26T09:05:00+08:00"),
        named("B5", settled_at="2026-11-26T09:06:00+08:00"),
    )
    assert statuses(items) == [
        ("B1", 201, None),
        ("B2", 409, "COUPON_REDEEMED"),
        ("B3", 409, "COUPON_REDEEMED"),
        ("B4", 201, None),
        ("B5", 400, "PARAM_ERROR"),
    ]
    assert items[0]["answer"]["class"] == "ordinary" and items[0]["error"] is None
    assert "皇岗" in items[1]["error"]["message"] and items[1]["answer"] is None
    (redemption,) = redemptions_of(shop, coupon)
    assert redemption.at == clock.move_to("2026-11-23 08:00")
    assert [row.number for row in kept(shop)] == ["B2", "B3", "B5"]


def test_a_bill_without_lines_is_refused_alone(app: Flask, http: FlaskClient) -> None:
    items = sends(till_of(http, a_shop()), named("B1"), named("B2") | {"lines": []}, named("B3"))
    assert statuses(items) == [("B1", 201, None), ("B2", 400, "PARAM_ERROR"), ("B3", 201, None)]


def test_a_broken_entry_stops_no_other_and_is_kept_as_it_came(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    broken = named("B2", lines=[])
    broken["lines"] = [a_dish() | {"price_fen": "100"}]
    items = sends(till_of(http, shop), 7, named("B1"), broken, named(""), named(5), named("B\n"))
    assert statuses(items) == [
        ("", 400, "PARAM_ERROR"),
        ("B1", 201, None),
        ("B2", 400, "PARAM_ERROR"),
        ("", 400, "PARAM_ERROR"),
        ("", 400, "PARAM_ERROR"),
        ("B\n", 400, "PARAM_ERROR"),
    ]
    (field,) = items[2]["error"]["detail"]["errors"]
    assert field["field"] == "lines.0.price_fen"
    rows = kept(shop)
    assert len(rows) == 5
    (row,) = [each for each in rows if each.number == "B2"]
    assert row.content == broken and "lines.0.price_fen" in row.message


def test_what_is_refused_is_kept_once_and_settled_later_ends_it(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    shop = a_shop()
    till, short = till_of(http, shop), named("B1", cash_fen=9999)
    for _ in range(2):
        assert statuses(sends(till, short)) == [("B1", 422, "TENDER_MISMATCH")]
    (row,) = kept(shop)
    assert (row.code, row.content) == ("TENDER_MISMATCH", short)
    assert entered(shop) == []
    assert row.message == "应收100元，实收99.99元，金额不一致"
    right = named("B1")
    assert statuses(sends(till, right)) == [("B1", 201, None)]
    assert entered(shop) == [clock.at]


def test_what_is_settled_at_the_till_after_all_ends_it_too(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    shop, other = a_shop(), a_shop()
    sends(till_of(http, shop), named("B1", cash_fen=9999))
    till_of(http, other).post("/bills/B1/settle", a_bill())
    assert entered(shop) == []
    assert till_of(http, shop).post("/bills/B1/settle", a_bill()).status_code == 201
    assert entered(shop) == [clock.at]
    clock.move_to("2026-11-23 13:00")
    broken = named("B1") | {"lines": 5}
    assert statuses(sends(till_of(http, shop), broken)) == [("B1", 400, "PARAM_ERROR")]
    assert len(kept(shop)) == 2 and len(entered(shop)) == 1, "what comes after is to be looked at"


def test_a_bill_that_breaks_us_stops_no_other(
    app: Flask, http: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop, real = a_shop(), replays.settle

    def breaks(bill: bill.Bill, **where: Any) -> Any:  # noqa: ANN401
        if bill.number == "B1":
            raise ZeroDivisionError
        return real(bill, **where)

    monkeypatch.setattr(replays, "settle", breaks)
    items = sends(till_of(http, shop), named("B1"), named("B2"))
    assert statuses(items) == [("B1", 500, "INTERNAL_ERROR"), ("B2", 201, None)]
    assert kept(shop) == []
    assert "A replayed bill failed" in caplog.text


def test_sent_again_it_answers_the_first_answer_and_another_content_is_a_conflict_that_stays(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    till = till_of(http, shop)
    first = till.post("/bills/B1/settle", a_bill()).get_json()
    other = named("B1", table="A13")
    items = sends(till, named("B1"), other, named("B1"))
    assert statuses(items) == [
        ("B1", 201, None),
        ("B1", 409, "BILL_CONFLICT"),
        ("B1", 201, None),
    ]
    assert items[0]["answer"] == items[2]["answer"] == first
    (row,) = kept(shop)
    assert (row.content, entered(shop)) == (other, [])
    with tenancy.acting_for(shop.merchant_id):
        assert len(db.session.scalars(select(Bill)).all()) == 1


def test_a_refused_bill_moves_nothing(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop))
    bad = named("B1", coupon=number_of(coupon), cash_fen=1, member_id=member)
    assert statuses(sends(till_of(http, shop), bad)) == [("B1", 422, "TENDER_MISMATCH")]
    assert state_of(shop, coupon) == "usable"
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Bill)).all() == []


@pytest.mark.parametrize("bills", [None, [], [7] * 201, {}], ids=str)
def test_a_list_of_1_to_200_is_asked_for(app: Flask, http: FlaskClient, bills: object) -> None:
    refused = till_of(http, a_shop()).post("/bills/replay", {"bills": bills})
    assert (refused.status_code, refused.get_json()["code"]) == (400, "PARAM_ERROR")


def test_a_number_that_is_none_is_refused_whole(app: Flask, http: FlaskClient) -> None:
    """JSON has no NaN, and no database keeps one."""
    till = till_of(http, a_shop())
    body = b'{"bills": [{"bill": "B1", "service_fen": NaN}]}'
    assert till.send("POST", "/pos/v1/bills/replay", body).status_code == 400
