"""账单 at the desk: what was settled, by what it was paid, what came back. Read only."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.merchants.models import Role
from backend.sales.models import Bill
from tests.admin.desk import at_desk, everything
from tests.admin.test_lists import exported
from tests.builders import a_shop, a_store, reread
from tests.conftest import StillClock
from tests.journeys.guest import Guest, cash, paid
from tests.miniprogram_api.pos.till import a_dish


@pytest.fixture
def guest(http: FlaskClient, clock: StillClock) -> Guest:
    """A bill of 皇岗: a coupon, 100.00 from the balance, 50.00 in cash; a dish came back."""
    guest = Guest(http, clock, a_shop())
    guest.has(balance_fen=20000)
    number = guest.coupon(5000, title="代金券50元")
    tenders = [{"method": "coupon", "number": number}, paid("balance", 10000), cash(5000)]
    dishes = a_dish(yuan=50, quantity=2), a_dish("D002", yuan=100, name="=肥牛")
    answer = guest.settle("B1001", *dishes, tenders=tenders)
    assert answer.status_code == 201, answer.json
    assert guest.refund("B1001", "T1", (0, 1)).status_code == 200
    guest.settle("B1002", a_dish(yuan=10), tenders=[cash(1000)])
    reread()
    return guest


def id_of(guest: Guest, number: str) -> int:
    with tenancy.acting_for(guest.shop.merchant_id):
        return db.session.scalars(select(Bill.id).where(Bill.number == number)).one()


def test_a_bill_tells_lines_payments_reductions_and_refunds(app: Flask, guest: Guest) -> None:
    visitor = at_desk(app, guest.shop)
    text = visitor.read(f"/admin/bills/details/?id={id_of(guest, 'B1001')}")
    for words in (
        "毛肚", "=肥牛", "代金券50元", "余额", "现金", "¥100.00", "-¥25.00",
        "退款单 T1", "毛肚 ×1", "退菜", "已退 1", "181****4469", "小李",
    ):  # fmt: skip
        assert words in text, words
    with tenancy.acting_for(guest.shop.merchant_id):
        receipt = db.session.scalars(select(Bill.receipt_text)).first()
    assert receipt and receipt.splitlines()[0].strip() in text


def test_coupon_numbers_on_a_bill_are_whole_for_who_needs_them_alone(
    app: Flask, guest: Guest
) -> None:
    page = f"/admin/bills/details/?id={id_of(guest, 'B1001')}"
    assert "**** **** " not in at_desk(app, guest.shop).read(page)
    assert "**** **** " in at_desk(app, guest.shop, Role.CASHIER).read(page)


def test_the_list_is_narrowed_and_exported_with_amounts_that_add_up(
    app: Flask, guest: Guest
) -> None:
    visitor = at_desk(app, guest.shop)
    text = visitor.read("/admin/bills/")
    assert "B1001" in text and "B1002" in text and "代金券50元" in text
    for query, number in (
        ("flt0_0=B1002", "B1002"),
        ("tab=refunded", "B1001"),
        ("tab=reduced", "B1001"),
    ):
        found = visitor.read(f"/admin/bills/?{query}")
        other = {"B1001": "B1002", "B1002": "B1001"}[number]
        assert f">{number}<" in found and f">{other}<" not in found
    assert "B1001" not in visitor.read("/admin/bills/?flt4_4=2026-01-01 至 2026-01-31")
    assert "B1001" in visitor.read("/admin/bills/?flt2_2=18100004469")
    header, *rows = exported(visitor, "/admin/bills/export/xlsx/")
    place = [cell.value for cell in header].index("实付")
    assert sum(row[place].value for row in rows) == 160


def test_a_manager_sees_the_bills_of_the_own_stores_only(app: Flask, guest: Guest) -> None:
    a_store(guest.shop, "s02", "莲塘")
    bill = id_of(guest, "B1001")
    own = at_desk(app, guest.shop, Role.STORE_MANAGER, stores=["s01"])
    assert own.open(f"/admin/bills/details/?id={bill}").status_code == 200
    assert own.open(f"/admin/members/details/?id={guest.id}").status_code == 200
    other = at_desk(app, guest.shop, Role.CASHIER, stores=["s02"])
    assert other.open(f"/admin/bills/details/?id={bill}").status_code == 404
    assert "B1001" not in other.read("/admin/bills/")
    assert other.open(f"/admin/members/details/?id={guest.id}").status_code == 404


def test_a_bill_without_a_member_and_without_payments_is_shown(app: Flask) -> None:
    shop = a_shop()
    rows = everything(shop)
    with tenancy.acting_for(shop.merchant_id):
        bill = db.session.get_one(Bill, rows.bills)
        bill.member_id = None
        db.session.commit()
    visitor = at_desk(app, shop)
    assert f"B-{shop.code}" in visitor.read(f"/admin/bills/details/?id={rows.bills}")
    assert f"B-{shop.code}" in visitor.read("/admin/bills/")


def test_the_members_page_shows_bills_and_both_ledgers(app: Flask, guest: Guest) -> None:
    text = at_desk(app, guest.shop).read(f"/admin/members/details/?id={guest.id}")
    for words in ("B1001", "代金券50元", "本金", "账单 B1001", "退款 账单 B1001"):
        assert words in text, words
