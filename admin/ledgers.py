"""积分流水与储值流水: every entry with its cause, and what the period began and ended with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from flask import Response, redirect, request
from markupsafe import Markup
from sqlalchemy import ColumnElement, func, or_, select

from admin import access, causes, member_filters, queries, recharge_reversal, words
from admin.access import page
from admin.base import SecureModelView
from admin.causes import Cause
from admin.columns import Column, Word, count, instant, money, phones, status, yuan
from admin.filters import Choice, DayRange, equals
from admin.queries import Person
from admin.rights import Right
from backend.calendar import Span, days
from backend.database import db
from backend.points.models import PointsEntry
from backend.wallet.models import WalletEntry


@dataclass(frozen=True)
class LedgerSum:
    """One line of the period's sums: what it began with, what each kind moved, what it ended with.
    ``opening`` + all of ``moved`` = ``closing``."""

    label: str
    opening: int
    moved: Sequence[int]

    @property
    def closing(self) -> int:
        """期末."""
        return self.opening + sum(self.moved)


@dataclass(frozen=True)
class PointsRow:
    """积分流水 as the list shows it."""

    id: int
    at: datetime
    member: Person
    phone: str | None
    kind: str
    change: int
    after: int
    cause: Cause
    store: str
    note: str


@dataclass(frozen=True)
class WalletRow:
    """储值流水 as the list shows it."""

    id: int
    at: datetime
    member: Person
    phone: str | None
    kind: str
    change_fen: int
    principal_fen: int
    bonus_fen: int
    after_fen: int
    cause: Cause
    store: str
    note: str


def signed(value: int) -> Markup:
    """A change of points: ``+100`` or ``-40``."""
    return Markup('<span class="{}">{:+,}</span>').format("up" if value > 0 else "down", value)


def signed_yuan(fen: int) -> Markup:
    """A change in money: ``+¥100.00``."""
    tone = "up" if fen > 0 else "down" if fen < 0 else "quiet"
    return Markup('<span class="{}">{}{}</span>').format(tone, "+" if fen > 0 else "", yuan(fen))


class Ledger(SecureModelView):
    """What both ledgers share: whose entries, filters, and sums that add up."""

    right = Right.LEDGERS
    icon = "fa-book"
    noun = "流水"
    can_export = True
    summary_template = "desk/ledger_sums.html"
    kinds: ClassVar[Mapping[str, Word]] = {}
    measures: ClassVar[Sequence[tuple[str, ColumnElement[int]]]] = ()

    def show_sum(self, value: int) -> Markup | str:
        """A sum as the page shows it."""
        return yuan(value)

    def visible(self) -> Sequence[ColumnElement[bool]]:
        return member_filters.at_stores(self.model, access.desk().stores)

    def summary(self, filters: Sequence[tuple[int, str, str]]) -> Mapping[str, object]:
        """期初, 变动 by kind, 期末 of the days and members that are asked for; the kind that is
        asked for does not narrow it, for then nothing would add up."""
        where = [*self.visible()]
        for place, name, said in filters:
            flt = self._filters[place]
            if name != "类型" and not isinstance(flt, DayRange):
                where.append(flt.condition(flt.clean(said)))
        span = self._span(filters)
        within = None if span is None else days(*span, access.shop().zone)
        moved, opening = self._moved(where, within), self._opening(where, within)
        lines = [
            LedgerSum(
                label,
                opening[n],
                [moved[kind][n] if kind in moved else 0 for kind in self.kinds],
            )
            for n, (label, _column) in enumerate(self.measures)
        ]
        return {"heads": [word.label for word in self.kinds.values()], "lines": lines}

    def order(self) -> Sequence[Any]:
        return (self.model.at.desc(), self.model.id.desc())

    def _span(self, filters: Sequence[tuple[int, str, str]]) -> tuple[date, date] | None:
        for place, _name, said in filters:
            flt = self._filters[place]
            if isinstance(flt, DayRange):
                return flt.clean(said)
        return None

    def _moved(
        self, where: Sequence[ColumnElement[bool]], within: Span | None
    ) -> dict[str, list[int]]:
        """变动 by kind; of some days only their entries are read, by the index on ``at``."""
        query = select(self.model.kind, *self._sums()).where(*where).group_by(self.model.kind)
        if within is not None:
            at = self.model.at
            query = query.where(at >= within.start, at < within.end)
        return {kind: [int(n or 0) for n in sums] for kind, *sums in db.session.execute(query)}

    def _opening(self, where: Sequence[ColumnElement[bool]], within: Span | None) -> Sequence[int]:
        """期初: all that was before these days; nothing was before the first entry."""
        if within is None:
            return [0 for _measure in self.measures]
        query = select(*self._sums()).where(*where, self.model.at < within.start)
        return [int(n or 0) for n in db.session.execute(query).one()]

    def _sums(self) -> list[ColumnElement[Any]]:
        return [func.sum(column) for _label, column in self.measures]


class PointsLedger(Ledger):
    """积分流水."""

    icon = "fa-star-o"
    empty_help = "会员得到、使用积分或积分过期后就会出现在这里"
    kinds = words.POINTS_KINDS
    measures = (("积分", PointsEntry.change),)  # type: ignore[assignment]
    columns = (
        instant("at", "时间", sort=PointsEntry.at),
        causes.who(),
        phones(),
        status("kind", "类型", words.POINTS_KINDS),
        causes.column(),
        Column("change", "变动", show=signed, css="number"),
        count("after", "变动后积分"),
        Column("store", "门店"),
        Column("note", "备注", css="wrap"),
    )
    column_filters = (
        member_filters.by_phone(PointsEntry),
        member_filters.by_number(PointsEntry),
        Choice(
            "类型",
            equals(PointsEntry.kind),
            options=tuple(words.labels(words.POINTS_KINDS).items()),
        ),
        DayRange("时间", PointsEntry.at),
    )

    def show_sum(self, value: int) -> str:
        return f"{value:,}"

    def rows(self, found: Sequence[PointsEntry]) -> list[PointsRow]:
        people = queries.people({entry.member_id for entry in found})
        why = causes.told({entry.cause for entry in found})
        return [
            PointsRow(
                id=entry.id,
                at=entry.at,
                member=people[entry.member_id],
                phone=people[entry.member_id].phone,
                kind=entry.kind,
                change=entry.change,
                after=entry.balance_after,
                cause=why[entry.cause],
                store=why[entry.cause].store,
                note=_note(entry.reason, entry.actor),
            )
            for entry in found
        ]


class WalletLedger(Ledger):
    """储值流水; the page of a recharge takes it back (撤销充值)."""

    icon = "fa-money"
    empty_help = "会员充值或用余额支付后就会出现在这里"
    can_view_details = True
    row_template = "desk/wallet_entry_row.html"
    details_template = "desk/wallet_entry.html"
    kinds = words.WALLET_KINDS
    measures = (  # type: ignore[assignment]
        ("本金", WalletEntry.principal_fen),
        ("赠金", WalletEntry.bonus_fen),
        ("合计", WalletEntry.principal_fen + WalletEntry.bonus_fen),
    )
    columns = (
        instant("at", "时间", sort=WalletEntry.at),
        causes.who(),
        phones(),
        status("kind", "类型", words.WALLET_KINDS),
        causes.column(),
        Column("change_fen", "变动", show=signed_yuan, export=lambda fen: fen / 100, css="number"),
        money("after_fen", "变动后余额"),
        money("principal_fen", "其中本金"),
        money("bonus_fen", "其中赠金"),
        Column("store", "门店"),
        Column("note", "备注", css="wrap"),
    )
    column_filters = (
        member_filters.by_phone(WalletEntry),
        member_filters.by_number(WalletEntry),
        Choice(
            "类型",
            equals(WalletEntry.kind),
            options=tuple(words.labels(words.WALLET_KINDS).items()),
        ),
        DayRange("时间", WalletEntry.at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        """Entries of the stores' members, and whatever was recharged there."""
        stores = access.desk().stores
        if stores is None:
            return ()
        theirs = member_filters.at_stores(WalletEntry, stores)
        return (or_(*theirs, *(causes.was_recharged_at(WalletEntry.cause, c) for c in stores)),)

    def rows(self, found: Sequence[WalletEntry]) -> list[WalletRow]:
        people = queries.people({entry.member_id for entry in found})
        why = causes.told({entry.cause for entry in found})
        return [
            WalletRow(
                id=entry.id,
                at=entry.at,
                member=people[entry.member_id],
                phone=people[entry.member_id].phone,
                kind=entry.kind,
                change_fen=entry.principal_fen + entry.bonus_fen,
                principal_fen=entry.principal_fen,
                bonus_fen=entry.bonus_fen,
                after_fen=entry.principal_after + entry.bonus_after,
                cause=why[entry.cause],
                store=why[entry.cause].store,
                note=_note(entry.reason, entry.actor),
            )
            for entry in found
        ]

    def facts(self, row: WalletEntry) -> Mapping[str, object]:
        (shown,) = self.rows([row])
        return {"row": row, "shown": shown, **recharge_reversal.facts(row)}

    @page("/reverse/", methods=("POST",))
    def reverse(self) -> Response:
        """撤销充值."""
        access.need(Right.REVERSE_RECHARGES)
        entry = self.one(request.form.get("id"))
        recharge_reversal.take_back(entry)
        return redirect(self.get_url(".details_view", id=entry.id))  # type: ignore[return-value]


def _note(reason: str, actor: str) -> str:
    return " · ".join(part for part in (reason, actor) if part)
