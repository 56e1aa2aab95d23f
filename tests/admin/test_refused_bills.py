"""离线补传 at the desk: what was not entered, why, and what was done about it. (spec/05, 10)"""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.merchants.models import AuditEntry, Role
from backend.sales.models import RefusedBill
from tests.admin.desk import at_desk
from tests.builders import Shop, a_shop, a_store, reread
from tests.miniprogram_api.pos.till import a_bill, till_of


def _refused(http: FlaskClient, shop: Shop, *bills: Any) -> list[int]:  # noqa: ANN401
    bills = bills or ({"bill": "B77", **a_bill(cash_fen=9900)},)
    till_of(http, shop).post("/bills/replay", {"bills": list(bills)})
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return list(db.session.scalars(select(RefusedBill.id).order_by(RefusedBill.id)))


def test_what_was_not_entered_is_listed_with_its_reason_and_amount(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    (refused,) = _refused(http, shop)
    visitor = at_desk(app, shop)
    listed = visitor.read("/admin/refused-bills/")
    for said in ("B77", "应收100元，实收99元，金额不一致", "¥99.00", "2026-11-23 08:00", "皇岗"):
        assert said in listed
    details = visitor.read(f"/admin/refused-bills/details/?id={refused}")
    assert "TENDER_MISMATCH" in details and "毛肚" in details


def test_a_broken_bill_is_shown_as_it_came(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    broken = {"bill": "B1", "settled_at": 5, "tenders": [7, {"method": "cash"}], "lines": "<b>"}
    ids = _refused(http, shop, 7, broken, {"bill": ["x"], "tenders": {}})
    visitor = at_desk(app, shop)
    assert "参数错误" in visitor.read("/admin/refused-bills/")
    for refused in ids:
        assert (
            "<b>"
            not in visitor.read(f"/admin/refused-bills/details/?id={refused}")
            .split("<pre", 1)[1]
            .split("</pre>")[0]
        )


def test_it_is_marked_as_seen_to_once_with_a_note_and_logged(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    (refused,) = _refused(http, shop)
    visitor = at_desk(app, shop)
    visitor.read(f"/admin/refused-bills/details/?id={refused}")
    visitor.send("/admin/refused-bills/handle/", id=refused, note="  ")
    assert "请写明怎样处理的" in visitor.read(f"/admin/refused-bills/details/?id={refused}")
    visitor.send("/admin/refused-bills/handle/", id=refused, note="已手工补积分")
    with tenancy.acting_for(shop.merchant_id):
        row = db.session.scalars(select(RefusedBill)).one()
        assert (row.note, row.handled_by) == ("已手工补积分", f"owner-{shop.code}")
    visitor.send("/admin/refused-bills/handle/", id=refused, note="第二次")
    assert "已经入账或处理过了" in visitor.read("/admin/refused-bills/")
    assert "B77" not in visitor.read("/admin/refused-bills/")
    assert "B77" in visitor.read("/admin/refused-bills/?tab=handled")
    reread()
    logged = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "bill.handle")).one()
    assert logged.after == {"note": "已手工补积分"}


def test_what_was_settled_after_all_is_entered(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    (refused,) = _refused(http, shop)
    visitor = at_desk(app, shop)
    till_of(http, shop).post("/bills/B77/settle", a_bill())
    assert "B77" not in visitor.read("/admin/refused-bills/")
    listed = visitor.read("/admin/refused-bills/?tab=entered")
    assert "B77" in listed and "已入账" in listed
    details = visitor.read(f"/admin/refused-bills/details/?id={refused}")
    assert "入账时间" in details and "标记已处理" not in details
    visitor.send("/admin/refused-bills/handle/", id=refused, note="x")
    assert "已经入账或处理过了" in visitor.read("/admin/refused-bills/")


def test_a_manager_sees_their_own_stores_alone(app: Flask, http: FlaskClient) -> None:
    shop, foreign = a_shop(), a_shop()
    a_store(shop, "s02", "车公庙")
    (refused,) = _refused(http, shop)
    own = at_desk(app, shop, Role.STORE_MANAGER, stores=["s01"])
    assert "B77" in own.read("/admin/refused-bills/")
    for other in (
        at_desk(app, foreign, Role.OWNER),
        at_desk(app, foreign, Role.STORE_MANAGER, stores=["s02"]),
    ):
        assert "B77" not in other.read("/admin/refused-bills/")
        assert other.open(f"/admin/refused-bills/details/?id={refused}").status_code == 404
        sent = other.send("/admin/refused-bills/handle/", id=refused, note="x")
        assert sent.status_code == 404
