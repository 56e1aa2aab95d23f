"""A large, uneven database of the product's schema: what statements are explained on.

One merchant has 95 % of the rows, hardly any member is an alias, and most rows are over and done.
Values mean nothing: plans look at how many differ. Foreign keys and checks are left out.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    insert,
)

from backend.database import Model, UtcDateTime

ROWS = 3000
BIG = 1
"""The merchant who has nearly everything."""

FEW = frozenset(
    {
        *("merchant", "operator", "store", "staff", "subscription", "pos_key", "verifier"),
        *("verifier_invite", "picture", "member_level", "campaign", "campaign_coupon"),
        *("campaign_run", "offer", "offer_piece", "wave", "reminder_run", "coupon_template"),
        *("template_revision", "mall_shop", "message_template", "wechat_app", "pay_account"),
        *("installation", "clock_anchor", "heartbeat", "staff_session", "daily_figure"),
        "till_numbers",
    }
)
"""Tables that do not grow with members or bills; a new one grows unless it is named here."""

_SPARSE = frozenset(
    {
        *("alias_of_id", "undone_at", "reversed_at", "reverses_id", "locked_bill", "link_id"),
        *("unfollowed_at", "retry_at", "lease_until", "scan_payment.live_key"),
    }
)
"""Columns that hardly any row has anything in."""

_DONE = ("redeemed", "claimed", "sent", "settled", "linked", "taken", "refunded", "done")
_FEW_OF = re.compile(r"(store|shop|campaign|level|template|revision|wave|app)_id$")


def build(connection: Connection) -> None:
    """Make, fill and analyse the tables on an empty database."""
    metadata = MetaData()
    for table in Model.metadata.tables.values():
        bare = table.to_metadata(metadata)
        for constraint in list(bare.constraints):
            if isinstance(constraint, CheckConstraint) or constraint.__visit_name__.startswith(
                "foreign_key"
            ):
                bare.constraints.discard(constraint)
    metadata.create_all(connection)
    for table in Model.metadata.tables.values():
        connection.execute(insert(metadata.tables[table.name]), list(_rows(table)))
    connection.commit()


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    many = 4 if table.name in FEW else ROWS
    values = [(column, _choices(table, column)) for column in table.columns]
    for at in range(1, many + 1):
        yield {column.name: _value(column, choices, at, many) for column, choices in values}


def _choices(table: Table, column: Column[Any]) -> list[str]:
    """The words a column may hold, those of things that are over last."""
    for constraint in table.constraints:
        words = str(getattr(constraint, "sqltext", ""))
        if words.startswith(f"{column.name} in ("):
            found = re.findall(r"'(\w*)'", words)
            return sorted(found, key=lambda word: word in _DONE)
    return []


def _value(column: Column[Any], choices: list[str], at: int, many: int) -> Any:  # noqa: ANN401
    name = column.name
    if name == "merchant_id":
        return at if many == 4 else BIG if at % 20 else 2 + at // 20 % 4
    if column.nullable and at % 1000 and not _SPARSE.isdisjoint((name, str(column))):
        return None
    if name == "voucher_id" and column.nullable and at % 10:
        return None
    if choices:
        return choices[-1] if at % 30 else choices[at // 30 % len(choices)]
    for kind, value in _VALUES:
        if isinstance(column.type, kind):
            return value(at)
    if isinstance(column.type, Integer):
        return _number(name, at, many)
    return str(at)[: getattr(column.type, "length", None) or 20]


def _number(name: str, at: int, many: int) -> int:
    """The row's own number, a reference to any row, or one to the few of their kind."""
    if not name.endswith("_id"):
        return at
    return at % 4 + 1 if many > 4 and _FEW_OF.search(name) else at * 7919 % many + 1


_SINCE = datetime(2026, 11, 20, tzinfo=UTC)
_VALUES: tuple[tuple[type, Callable[[int], Any]], ...] = (
    (UtcDateTime, lambda at: _SINCE - timedelta(hours=at)),
    (Date, lambda at: date(2026, 1, 1) + timedelta(days=at % 300)),
    (LargeBinary, lambda _at: b""),
    (JSON, lambda _at: {}),
    (Boolean, lambda _at: True),
)


def shared_by_many(column: str) -> bool:
    """Whether many rows of a merchant have the same there."""
    return column in _SHARED or _FEW_OF.search(column) is not None


_SHARED = frozenset({"merchant_id", "state", "kind", "cycle", "part", "product", "purpose"})


def names() -> list[str]:
    """The tables that grow."""
    return sorted(itertools.filterfalse(FEW.__contains__, Model.metadata.tables))
