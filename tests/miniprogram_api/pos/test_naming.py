"""补记会员: a guest named after paying stands as one named in time, once, on the same day."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members.models import Member
from backend.merchants.models import AuditEntry
from backend.reports import doctor
from tests.backend.campaigns.plans import a_campaign
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock
from tests.miniprogram_api.pos.test_gifts import a_gift
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of

FOR_EVERYBODY: dict[str, Any] = {"per_fen": 100, "points": 1}


def figures(shop: Shop, member: int) -> tuple[int, int, int, str]:
    """points, bills, consumed, class."""
    reread()
    with tenancy.acting_for(shop.merchant_id):
        row = db.session.get_one(Member, member)
        return row.points, row.consumption_count, row.consumption_fen, row.customer_class


def earning(shop: Shop) -> None:
    a_campaign(shop, "earn", "consumption_points", FOR_EVERYBODY)


def name(till: TillClient, member: int, bill: str = "B1", **more: str) -> Any:  # noqa: ANN401
    return till.post(f"/bills/{bill}/member", {"member_id": member, **more})


def a_shop_that_gives() -> Shop:
    shop = a_shop()
    earning(shop)
    a_gift(shop)
    return shop


def test_a_guest_named_after_paying_stands_as_one_named_in_time(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop_that_gives()
    late, early, till = a_member(shop), a_member(shop), till_of(http, shop)
    bill = a_bill(a_dish("D1", 120))
    in_time = till.post("/bills/B0/settle", bill | {"member_id": early}).get_json()
    assert till.post("/bills/B1/settle", bill).get_json()["points_total"] is None
    named = name(till, late, operator="李姐")
    assert named.status_code == 200, named.get_json()
    told = named.get_json()
    assert told.keys() == in_time.keys()
    same = ("paid_fen", "points_earned", "points_total", "balance_fen", "class", "level")
    assert [told[each] for each in same] == [in_time[each] for each in same]
    assert told["points_earned"] == 120 and told["gift"]["url"] in told["receipt_text"].replace(
        "\n", ""
    )
    assert figures(shop, late) == figures(shop, early) == (120, 1, 12000, "ordinary")
    assert till.post("/bills/B1/settle", bill).get_json()["points_total"] == 120
    reread()
    with tenancy.acting_for(shop.merchant_id):
        (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "bill.member"))
        assert (entry.actor, entry.subject) == ("李姐", "账单 B1")
        assert entry.after is not None and entry.after["member"] == late
    assert doctor.check() == []


def test_a_bill_is_given_its_guest_once(app: Flask, http: FlaskClient) -> None:
    shop = a_shop_that_gives()
    member, other, till = a_member(shop), a_member(shop), till_of(http, shop)
    till.post("/bills/B1/settle", a_bill(a_dish("D1", 120)))
    assert name(till, member).status_code == 200
    for again in (other, member):
        refused = name(till, again)
        assert (refused.status_code, refused.get_json()["code"]) == (409, "BILL_HAS_MEMBER")
    assert figures(shop, member)[:3] == (120, 1, 12000)
    assert figures(shop, other)[:3] == (0, 0, 0)
    assert doctor.check() == []


def test_it_is_for_the_business_day_of_the_bill(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    shop = a_shop()
    member, till = a_member(shop), till_of(http, shop)
    till.post("/bills/B1/settle", a_bill())
    till.post("/bills/B2/settle", a_bill())
    clock.move_to("2026-11-23 23:59")
    assert name(till, member).status_code == 200
    clock.move_to("2026-11-24 00:00")
    refused = name(till, member, "B2").get_json()
    assert refused["code"] == "BILL_DAY_OVER" and "当天" in refused["detail"]["hint"]


def test_only_what_is_left_of_the_bill_counts_and_goes_back_again(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    earning(shop)
    member, till = a_member(shop), till_of(http, shop)
    till.post("/bills/B1/settle", a_bill(a_dish("D1", 50, quantity=3)))
    one = {"lines": [{"line": 0, "quantity": 1}]}
    till.post("/bills/B1/refund", {"refund": "R1", **one})
    assert name(till, member).get_json()["points_earned"] == 100
    assert figures(shop, member)[:3] == (100, 1, 10000)
    till.post("/bills/B1/refund", {"refund": "R2", **one})
    assert figures(shop, member)[:3] == (50, 1, 5000)
    till.post("/bills/B1/refund", {"refund": "R3"})
    assert figures(shop, member) == (0, 0, 0, "new")
    assert doctor.check() == []


def test_what_went_back_whole_or_is_unknown_has_no_guest(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    member, till = a_member(shop), till_of(http, shop)
    till.post("/bills/B1/settle", a_bill())
    assert name(till, member + 99).get_json()["code"] == "MEMBER_NOT_FOUND"
    till.post("/bills/B1/refund", {"refund": "R1"})
    assert name(till, member).get_json()["code"] == "BILL_REFUNDED"
    assert name(till, member, "B9").get_json()["code"] == "BILL_NOT_FOUND"
    assert figures(shop, member)[:3] == (0, 0, 0)
