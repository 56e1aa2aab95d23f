"""增减积分 on the member's page: by whom the role allows, with a reason, in ledger and log."""

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.merchants.models import AuditEntry, Role
from backend.messaging.models import Intent
from backend.points.models import PointsEntry
from backend.reports import doctor
from tests.admin.desk import Visitor, at_desk
from tests.backend.points.books import points_of
from tests.builders import Shop, a_member, a_shop, reread


def change(visitor: Visitor, member: int, **form: str) -> str:
    path = f"/admin/members/details/?id={member}"
    visitor.read(path)
    sent = {"id": str(member), "direction": "add", "points": "50", "reason": "补录", **form}
    answer = visitor.send("/admin/members/points/", **sent)
    return visitor.read(path) if answer.status_code == 302 else str(answer.status_code)


def test_a_change_stands_in_the_ledger_the_log_and_a_message(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    visitor = at_desk(app, shop, Role.MARKETING)
    assert "积分已增加" in change(visitor, member)
    assert "积分已扣减" in change(visitor, member, direction="subtract", points="20")
    assert points_of(shop, member) == 30
    with tenancy.acting_for(shop.merchant_id):
        entries = db.session.scalars(select(PointsEntry).order_by(PointsEntry.id)).all()
        assert [(e.kind, e.change, e.reason) for e in entries] == [
            ("adjust", 50, "补录"),
            ("adjust", -20, "补录"),
        ]
        assert {entry.actor for entry in entries} == {f"marketing-{shop.code}"}
        told = db.session.scalars(select(Intent).order_by(Intent.id)).all()
        assert [(i.purpose, i.facts["points"], i.facts["points_total"]) for i in told] == [
            ("points_changed", "+50", 50),
            ("points_changed", "-20", 30),
        ]
    with tenancy.across_merchants("a test reads the log"):
        logged = db.session.scalars(
            select(AuditEntry).where(AuditEntry.action == "member.points")
        ).all()
        assert [entry.after["change"] for entry in logged if entry.after] == [50, -20]
    reread()
    assert [str(finding) for finding in doctor.check()] == []


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"reason": " "}, "请填写 1 到 10,000,000 的积分和原因"),
        ({"points": "-5"}, "请填写 1 到 10,000,000 的积分和原因"),
        ({"points": "0"}, "请填写 1 到 10,000,000 的积分和原因"),
        ({"direction": "subtract", "points": "60"}, "积分不足，还差60积分"),
    ],
)
def test_what_cannot_be_done_changes_nothing(app: Flask, form: dict[str, str], words: str) -> None:
    shop = a_shop()
    member = a_member(shop)
    assert words in change(at_desk(app, shop), member, **form)
    assert points_of(shop, member) == 0


@pytest.mark.parametrize("role", [Role.CASHIER, Role.STORE_MANAGER, Role.READ_ONLY])
def test_others_neither_see_nor_may_do_it(app: Flask, role: Role) -> None:
    shop: Shop = a_shop()
    member = a_member(shop)
    visitor = at_desk(app, shop, role)
    assert change(visitor, member) == "403"
    assert "增减积分" not in visitor.read(f"/admin/members/details/?id={member}")


def test_a_member_of_another_merchant_is_not_there(app: Flask) -> None:
    stranger = a_member(a_shop())
    visitor = at_desk(app, a_shop())
    visitor.read("/admin/members/")
    sent = {"id": str(stranger), "direction": "add", "points": "5", "reason": "x"}
    assert visitor.send("/admin/members/points/", **sent).status_code == 404
