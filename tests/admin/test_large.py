"""A large merchant: no list of any role reads a growing table once for each row, counts stop, and
a statement that takes too long is stopped and told (fault of trust 2)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import event, exists, or_, select, text
from sqlalchemy.orm import aliased

from admin import base, guarded, member_filters, queries
from admin.rights import RIGHTS
from backend import clock, tenancy
from backend.campaigns.models import Campaign
from backend.coupons.models import Coupon, CouponTemplate
from backend.database import db
from backend.members.models import Member, MemberCard
from backend.merchants.models import Role, Store
from backend.redemption.models import Redemption
from backend.reports import rollup
from backend.sales.models import Bill
from backend.statement_limit import TooMuchToRead, statement_limit
from tests.admin.desk import at_desk
from tests.admin.large import SMALL_STORE, a_large_shop
from tests.builders import a_shop

GROWING = (
    "member", "identity", "member_card", "level_change", "points_entry", "wallet_entry", "intent",
    "coupon", "coupon_grant", "coupon_event", "redemption", "bill", "refund", "audit_entry",
    "open_bill", "scan_payment", "till_event", "mall_voucher",
)  # fmt: skip
ROLES = [
    (Role.OWNER, None), (Role.MARKETING, None), (Role.MARKETING, [SMALL_STORE]),
    (Role.STORE_MANAGER, [SMALL_STORE]), (Role.CASHIER, [SMALL_STORE]), (Role.READ_ONLY, None),
    (Role.READ_ONLY, [SMALL_STORE]), (Role.OPERATOR, None), (Role.VERIFIER, [SMALL_STORE]),
]  # fmt: skip
on_sqlite = pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="SQLite's plans")


@contextmanager
def plans() -> Iterator[dict[str, list[tuple[int, int, str]]]]:
    """What SQLite means to do for each statement sent meanwhile: id, parent, detail."""
    found: dict[str, list[tuple[int, int, str]]] = {}

    def explain(_c: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.lstrip().upper().startswith("SELECT") and statement not in found:
            rows = cast(Any, cursor).connection.execute(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            found[statement] = [(row[0], row[1], row[3]) for row in rows]

    event.listen(db.engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", explain)


def nested_reads(plan: list[tuple[int, int, str]], names: dict[str, str]) -> list[str]:
    """Reads of a whole growing table, or of all rows of a merchant, done once per outer row."""
    parents = {node: parent for node, parent, _detail in plan}
    details = {node: detail for node, _parent, detail in plan}
    loops: dict[int, int] = {}
    found = []
    for _node, parent, detail in plan:
        if not detail.startswith(("SCAN", "SEARCH")):
            continue
        loops[parent] = loops.get(parent, 0) + 1
        table = names.get(detail.split()[1], detail.split()[1])
        whole = detail.startswith("SCAN") or detail.endswith("(merchant_id=?)")
        if table not in GROWING or not whole:
            continue
        above, correlated = parent, False
        while above:
            correlated = correlated or details[above].startswith("CORRELATED")
            above = parents[above]
        if correlated or loops[parent] > 1:
            found.append(detail)
    return found


def aliases(statement: str) -> dict[str, str]:
    """``member_1`` is ``member``."""
    words = statement.replace(",", " ").split()
    return {
        words[n + 1]: words[n - 1]
        for n in range(1, len(words) - 1)
        if words[n].upper() == "AS" and words[n - 1] in GROWING
    }


def judged(found: dict[str, list[tuple[int, int, str]]]) -> dict[str, list[str]]:
    """Statements that read a growing table for each row, with what they do."""
    return {
        statement: wrong
        for statement, plan in found.items()
        if (wrong := nested_reads(plan, aliases(statement)))
    }


def wide_reads(found: dict[str, list[tuple[int, int, str]]]) -> list[str]:
    """Reads of a whole growing table, of all rows of a merchant, or of a campaign's whole life."""
    wide = []
    for statement, plan in found.items():
        names = aliases(statement)
        for _node, _parent, detail in plan:
            kind, table, *_rest = *detail.split(), ""
            is_wide = kind == "SCAN" or detail.endswith(("(merchant_id=?)", "(campaign_id=?)"))
            if kind in ("SCAN", "SEARCH") and is_wide and names.get(table, table) in GROWING:
                wide.append(f"{detail}: {statement}")
    return wide


OPEN_BILLS = "open_bill"
"""桌上账单 by state: the one table that the overview still reads by its merchant alone."""


@on_sqlite
def test_the_pages_of_figures_read_days_and_no_growing_table(app: Flask) -> None:
    """经营概览, 活动详情, 券模板: roll-ups, and what came since by when it happened."""
    shop = a_large_shop(60)
    visitor = at_desk(app, shop)
    with tenancy.acting_for(shop.merchant_id):
        rollup.roll_up(clock.now() + timedelta(days=1))
        campaign, template = (
            db.session.scalar(select(Campaign.id)),
            db.session.scalar(select(CouponTemplate.id)),
        )
    with plans() as found:
        visitor.read("/admin/")
        visitor.read("/admin/campaigns/")
        assert "120" in visitor.read(f"/admin/campaigns/details/?id={campaign}")
        visitor.read("/admin/templates/")
        visitor.read(f"/admin/templates/edit/?id={template}")
    assert [each for each in wide_reads(found) if each.split()[1] != OPEN_BILLS] == []


@on_sqlite
def test_the_control_of_the_overviews_plan_counted_all_coupons_of_a_merchant(app: Flask) -> None:
    shop = a_large_shop(60)
    with tenancy.acting_for(shop.merchant_id), plans() as found:
        db.session.scalars(select(Coupon.state).where(Coupon.piece == 1)).all()
    assert wide_reads(found)


@on_sqlite
@pytest.mark.parametrize(("role", "stores"), ROLES, ids=lambda part: str(part))
def test_no_list_of_any_role_reads_a_growing_table_for_each_row(
    app: Flask, role: Role, stores: list[str] | None
) -> None:
    """Every list with its filters, tabs, sortable columns and second page."""
    shop = a_large_shop(60)
    visitor = at_desk(app, shop, role, stores=stores)
    if role is Role.OPERATOR:
        visitor.send("/admin/merchants", merchant=shop.merchant_id)
    opened = 0
    with plans() as found:
        for view in app.extensions["admin"][0]._views:
            if not isinstance(view, base.SecureModelView) or view.right not in RIGHTS[role]:
                continue
            asked = ["", "page=1"]
            asked += [f"tab={tab.value}" for tab in view.tabs]
            asked += [
                f"sort={n}" for n, column in enumerate(view.columns) if column.sort is not None
            ]
            for n, flt in enumerate(view._filters or ()):
                said = {"range": "2026-11-22 至 2026-11-23", "select": ""}.get(
                    flt.widget, "13900000005"
                )
                asked.append(f"flt{n}_{n}={said}")
            for query in asked:
                visitor.read(f"/admin/{view.endpoint}/?{query}")
                opened += 1
    assert opened > 30 or role is Role.VERIFIER
    assert judged(found) == {}


@on_sqlite
def test_the_control_of_the_plans_asked_each_row_all_bills_of_the_merchant(app: Flask) -> None:
    """The limit of stores as it was written before."""
    shop = a_large_shop(60)
    with tenancy.acting_for(shop.merchant_id), plans() as found:
        ids = select(Store.id).where(Store.code.in_([SMALL_STORE]))
        used = exists().where(Redemption.member_id == Member.id, Redemption.store_id.in_(ids))
        paid = exists().where(Bill.member_id == Member.id, Bill.store_id.in_(ids))
        row = aliased(Member)
        theirs = select(Member.id).where(or_(Member.store_id.in_(ids), used, paid))
        people = select(row.id).where(or_(row.id.in_(theirs), row.alias_of_id.in_(theirs)))
        db.session.scalars(select(MemberCard).where(MemberCard.member_id.in_(people))).all()
    assert judged(found)


def test_the_limit_of_stores_finds_whom_it_found_before(app: Flask) -> None:
    shop = a_large_shop(120)
    with tenancy.acting_for(shop.merchant_id):
        theirs = select(MemberCard.number).where(
            *member_filters.at_stores(MemberCard, (SMALL_STORE,))
        )
        assert sorted(db.session.scalars(theirs)) == ["K0", "K100", "K50"]
        members = select(Member.nickname).where(queries.at_stores([SMALL_STORE]))
        assert sorted(db.session.scalars(members)) == ["客0", "客100", "客50"]


def test_a_limited_role_sees_a_joined_members_rows(app: Flask) -> None:
    shop = a_large_shop(60)
    with tenancy.acting_for(shop.merchant_id):
        first, second = db.session.scalars(select(Member).order_by(Member.id).limit(2)).all()
        second.alias_of_id = first.id
        db.session.commit()
    text_ = at_desk(app, shop, Role.STORE_MANAGER, stores=[SMALL_STORE]).read("/admin/cards/")
    assert "K0<" in text_ and "K1<" in text_ and "K2<" not in text_


def test_counts_stop_where_nobody_reads_on(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MOST_COUNTED", 40)
    shop = a_large_shop(60)
    visitor = at_desk(app, shop)
    page = visitor.read("/admin/members/?page=1")
    assert "共 40+ 条" in page and 'aria-current="page">2<' in page
    assert "共 20 条" in visitor.read("/admin/members/?tab=loyal").replace("20+", "20")
    assert page.count("details/?id=") == 20
    last = visitor.read("/admin/members/?page=77")
    assert 'aria-current="page">2<' in last


SLOW = {
    "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000000)"
    " select count(*) from n",
    "postgresql": "select pg_sleep(20)",
    "mysql": "select sleep(20)",
}


def test_a_statement_that_takes_too_long_stops(app: Flask) -> None:
    slow = SLOW[db.engine.dialect.name]
    with pytest.raises(TooMuchToRead), statement_limit(0.2):
        db.session.execute(text(slow)).all()
    db.session.execute(text("select 1")).all()


def test_a_page_that_takes_too_long_says_what_to_narrow_down(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop)
    slow = SLOW[db.engine.dialect.name]
    monkeypatch.setattr(guarded, "STATEMENT_SECONDS", 0.2)
    monkeypatch.setattr(queries, "tags_of", lambda _ids: db.session.execute(text(slow)).all())
    answer = visitor.open("/admin/members/")
    told = answer.get_data(as_text=True)
    assert answer.status_code == 503
    assert "要查的内容太多" in told and "缩小范围" in told
    asked = visitor.open("/admin/members/", headers={"Accept": "application/json"})
    assert asked.get_json()["code"] == "TOO_MUCH_TO_READ"
    monkeypatch.undo()
    assert visitor.open("/admin/members/").status_code == 200
