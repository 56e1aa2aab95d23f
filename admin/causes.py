"""变动原因: the causes of ledger entries and level changes, in words, with a link to what it was.

One statement per kind of thing that causes name, whatever the rows.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import url_for
from markupsafe import Markup
from sqlalchemy import ColumnElement, func, or_, select

from admin import access
from admin.columns import Column, link, plain
from admin.queries import Person
from admin.rights import Right
from backend.database import db
from backend.merchants.models import Store
from backend.sales.models import Bill, Refund

_NAMED = re.compile(r"(bill|refund)-(\d{1,18})(?:-|$)")
_RECHARGE = re.compile(r"(recharge|reversal)-([^/]+)/(.+)")
_OWED = re.compile(r"(.+)-owed-\d+")
_WORDS: Sequence[tuple[str, str]] = (
    ("registration-", "注册送积分"),
    ("manual-", "手工调整"),
    ("exchange-", "积分兑换"),
    ("scan-", "扫码付用积分"),
    ("expire-", "积分过期"),
    ("review-", "保级评定"),
    ("join-", "会员合并"),
    ("adjust-", "期初余额"),
    ("recharge-", "充值"),
)


@dataclass(frozen=True)
class Cause:
    """What moved something: in words, where to look, and at which store, where one is known."""

    text: str
    url: str | None = None
    store: str = ""


def told(causes: Collection[str]) -> dict[str, Cause]:
    """Each of these causes, for people."""
    bills, refunds = _bills(causes)
    stores = _store_names(causes)
    found = {}
    for cause in causes:
        owed = _OWED.fullmatch(cause)
        of = _told(owed[1] if owed else cause, bills, refunds, stores)
        found[cause] = replace(of, text=f"{of.text}：扣回所欠积分") if owed else of
    return found


def recharge_of(cause: str) -> tuple[str, str] | None:
    """Store and number of the recharge that a cause names; None for any other cause."""
    found = _RECHARGE.fullmatch(cause)
    return (found[2], found[3]) if found and found[1] == "recharge" else None


def was_recharged_at(cause: Any, code: str) -> ColumnElement[bool]:
    """The cause is a recharge at this store, or the reversal of one."""
    starts = (f"recharge-{code}/", f"reversal-{code}/")
    return or_(*(func.substr(cause, 1, len(start)) == start for start in starts))


def column(label: str = "原因") -> Column:
    """原因: with its link on the page, in words in a spreadsheet."""
    return Column("cause", label, show=_shown, export=lambda cause: cause.text)


def who() -> Column:
    """会员: the name, which leads to their page."""
    return Column("member", "会员", show=_name, export=lambda person: person.nickname)


def _name(person: Person) -> Markup | str:
    name = person.nickname or "未填写昵称"
    if not access.may(Right.MEMBERS):
        return name
    return link(url_for("members.details_view", id=person.id), name)


def _shown(cause: Cause) -> Markup | str:
    if cause.url is None or not access.may(Right.BILLS):
        return plain(cause.text)
    return link(cause.url, cause.text)


def _told(
    cause: str,
    bills: Mapping[int, tuple[str, str]],
    refunds: Mapping[int, tuple[int, str]],
    stores: Mapping[str, str],
) -> Cause:
    if named := _NAMED.match(cause):
        number = int(named[2])
        bill_id, what = (number, "账单") if named[1] == "bill" else refunds.get(number, (0, "退款"))
        bill, store = bills.get(bill_id, ("", ""))
        url = url_for("bills.details_view", id=bill_id) if bill else None
        return Cause(f"{what} {bill}".strip(), url, store)
    if recharged := _RECHARGE.fullmatch(cause):
        what = "充值单" if recharged[1] == "recharge" else "撤销充值"
        return Cause(f"{what} {recharged[3]}", store=stores.get(recharged[2], recharged[2]))
    if cause.startswith("exchange-") and cause.endswith("-back"):
        return Cause("积分兑换退回")
    if cause.startswith("scan-") and cause.endswith("-back"):
        return Cause("扫码付退回积分")
    if cause.startswith("given-"):
        return Cause("手工调整或会员导入")
    for start, text in _WORDS:
        if cause.startswith(start):
            return Cause(text)
    return Cause(cause)


def _bills(
    causes: Collection[str],
) -> tuple[dict[int, tuple[str, str]], dict[int, tuple[int, str]]]:
    """Bills by id with number and store; refunds by id with their bill."""
    ids: dict[str, set[int]] = {"bill": set(), "refund": set()}
    for cause in causes:
        if named := _NAMED.match(cause):
            ids[named[1]].add(int(named[2]))
    refunds: dict[int, tuple[int, str]] = {}
    if ids["refund"]:
        for row in db.session.execute(
            select(Refund.id, Refund.bill_id).where(Refund.id.in_(ids["refund"]))
        ):
            refunds[row.id] = row.bill_id, "退款 账单"
            ids["bill"].add(row.bill_id)
    if not ids["bill"]:
        return {}, refunds
    rows = db.session.execute(
        select(Bill.id, Bill.number, Store.name)
        .join(Store, Store.id == Bill.store_id)
        .where(Bill.id.in_(ids["bill"]))
    )
    return {row.id: (row.number, row.name) for row in rows}, refunds


def _store_names(causes: Collection[str]) -> dict[str, str]:
    codes = {found[2] for cause in causes if (found := _RECHARGE.fullmatch(cause))}
    if not codes:
        return {}
    rows = db.session.execute(select(Store.code, Store.name).where(Store.code.in_(codes)))
    return {row.code: row.name for row in rows}
