"""扫码支付 and 桌上账单 at the desk: who paid, what waits for the till, and 退回顾客. (S1-19)"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from backend import clock as business
from backend import tenancy
from backend.database import db, transaction
from backend.merchants.models import AuditEntry, Role
from backend.open_bills import taking, till_events
from backend.open_bills.errors import PaymentMismatch
from backend.open_bills.models import OpenBill, PaymentState, ScanPayment, TillEvent
from scripts.wechat_platform.server import Platform
from tests.admin.desk import at_desk
from tests.admin.test_large import on_sqlite, plans
from tests.backend.open_bills.dining import Dining, a_dining_room, is_sound
from tests.backend.open_bills.test_late_money import refunded
from tests.builders import a_store, reread
from tests.conftest import StillClock
from tests.races.test_open_bills import _notice


@pytest.fixture
def room(app: Flask, http: FlaskClient, wechat: Platform, clock: StillClock) -> Iterator[Dining]:
    """B1 paid with a coupon and not settled, B2 open, put later."""
    room = a_dining_room(http, wechat)
    guest = room.guest()
    room.coupon(guest)
    room.confirm(guest, room.sheet(guest, room.token("B1")))
    clock.move_to("2026-11-23 08:40")
    room.token("B2", table="B7")
    yield room
    is_sound()


def bill_id(room: Dining, number: str) -> int:
    with tenancy.acting_for(room.shop.merchant_id):
        found = db.session.scalars(select(OpenBill.id).where(OpenBill.number == number)).one()
    reread()
    return found


def test_what_is_paid_and_not_settled_stands_on_top_with_how_long(app: Flask, room: Dining) -> None:
    listed = at_desk(app, room.shop).read("/admin/open-bills/")
    assert listed.index("B1") < listed.index("B2")
    for said in ("已支付，待结账", "¥90.00", "40 分钟", "待支付", "B7"):
        assert said in listed


def test_payments_tell_who_paid_what_and_what_must_be_looked_at(
    app: Flask, room: Dining, wechat: Platform
) -> None:
    visitor = at_desk(app, room.shop)
    listed = visitor.read("/admin/scan-payments/")
    for said in ("B1", "A12", "王勇", "¥90.00", "已支付", "2026-11-23 08:00"):
        assert said in listed
    assert "金额或付款人不符" not in listed and "没有" in visitor.read(
        "/admin/scan-payments/?tab=alarm"
    )
    assert visitor.open("/admin/scan-payments/export/xlsx/").status_code == 200
    guest = room.guest("李雷")
    room.sheet(guest, room.token("B2", table="B7"))
    with pytest.raises(PaymentMismatch):
        taking.take(replace(_notice(room), amount_fen=1), now=business.now())
    assert "金额或付款人不符" in visitor.read("/admin/scan-payments/?tab=alarm")


@on_sqlite
def test_a_payment_that_wechat_cannot_give_back_is_found_without_asking_for_each(
    app: Flask, room: Dining
) -> None:
    """Scale: what the tills were told is read once for the page."""
    with transaction(), tenancy.acting_for(room.shop.merchant_id):
        payment = db.session.scalars(select(ScanPayment)).one()
        payment.state = PaymentState.REFUNDING
        subject = f"{payment.out_trade_no}-7"
        content = {"payment": payment.out_trade_no}
        till_events.tell(
            room.shop.store_id,
            till_events.REFUND_FAILED,
            subject=subject,
            content=content,
            now=business.now(),
        )
    visitor = at_desk(app, room.shop)
    with plans() as found:
        assert "退款失败" in visitor.read("/admin/scan-payments/?tab=alarm")
    told = [plan for statement, plan in found.items() if "till_event" in statement]
    assert told
    assert not [row for plan in told for row in plan if row[2].startswith("CORRELATED")]
    with transaction(), tenancy.acting_for(room.shop.merchant_id):
        db.session.scalars(select(ScanPayment)).one().state = PaymentState.PAID
        db.session.execute(delete(TillEvent).where(TillEvent.subject == subject))


def test_a_paid_bill_is_given_back_with_a_reason_once(
    app: Flask, room: Dining, wechat: Platform
) -> None:
    visitor, paid = at_desk(app, room.shop, Role.STORE_MANAGER, stores=["s01"]), bill_id(room, "B1")
    assert "退回顾客" in visitor.read(f"/admin/open-bills/details/?id={paid}")
    visitor.send("/admin/open-bills/give-back/", id=paid, reason=" ")
    assert room.states()[0] == ["paid", "open"]
    for _ in range(2):
        visitor.send("/admin/open-bills/give-back/", id=paid, reason="顾客改付现金")
    room.tick()
    assert room.states() == (["withdrawn", "open"], ["refunded"])
    assert refunded(wechat) == [9000]
    with tenancy.acting_for(room.shop.merchant_id):
        entries = db.session.scalars(
            select(AuditEntry).where(AuditEntry.action == "payment.return")
        ).all()
    assert [entry.subject for entry in entries] == ["账单 B1"]


def test_who_may_only_look_gives_nothing_back_and_other_stores_see_nothing(
    app: Flask, room: Dining
) -> None:
    paid = bill_id(room, "B1")
    visitor = at_desk(app, room.shop, Role.READ_ONLY)
    assert (
        "退回顾客" not in visitor.read(f"/admin/open-bills/details/?id={paid}").split("<main")[-1]
    )
    answer = visitor.send("/admin/open-bills/give-back/", id=paid, reason="x")
    assert answer.status_code == 403
    a_store(room.shop, "s02", "南山")
    other = at_desk(app, room.shop, Role.STORE_MANAGER, stores=["s02"])
    assert "B1" not in other.read("/admin/scan-payments/").split("<main")[-1]
    assert other.open(f"/admin/open-bills/details/?id={paid}").status_code == 404
    assert other.send("/admin/open-bills/give-back/", id=paid, reason="x").status_code == 404
    assert room.states()[0] == ["paid", "open"]
