"""操作日志, 员工, 会话, 带键请求: what somebody who got at the tables would touch first."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from backend.database import table_of
from backend.idempotency import RememberedAnswer
from backend.members.models import CardState, MemberCard
from backend.merchants import audit
from backend.merchants.models import AuditBook, AuditEntry, Role, Staff, StaffSession
from backend.reports.invariants.invariant import Invariant, by

AT_ONCE = 1000
LEFT_BEHIND = timedelta(hours=1)
"""How long a keyed request may be without an answer: it died, and the sweep took the rest away."""

_log, _books, _cards = table_of(AuditEntry), table_of(AuditBook), table_of(MemberCard)
_staff, _sessions = table_of(Staff), table_of(StaffSession)
_answers = table_of(RememberedAnswer)


def _entries(connection: Connection, *where: ColumnElement[bool]) -> Iterator[Row[Any]]:
    """The log in batches, oldest first."""
    after = 0
    while True:
        batch = connection.execute(
            select(_log).where(_log.c.id > after, *where).order_by(_log.c.id).limit(AT_ONCE)
        ).all()
        yield from batch
        if len(batch) < AT_ONCE:
            return
        after = batch[-1].id


def _broken_seals(connection: Connection, _now: datetime) -> Iterable[int]:
    return [row.id for row in _entries(connection) if audit.seal_of(row._asdict()) != row.seal]


def _lost_entries(connection: Connection, _now: datetime) -> Iterable[int]:
    """Books whose entries are not as many as they say, or whose number nobody of ours wrote."""
    kept = {
        row.book: (row.entries, row.highest)
        for row in connection.execute(
            select(
                _log.c.book,
                func.count().label("entries"),
                func.max(_log.c.seq).label("highest"),
            ).group_by(_log.c.book)
        )
    }
    said = {row.book: row for row in connection.execute(select(_books))}
    for book in kept.keys() | said.keys():
        row = said.get(book)
        is_sound = row is not None and row.seal == audit.seal_of_book(book, row.entries)
        if not is_sound or kept.get(book) != (row.entries, row.entries):  # type: ignore[union-attr]
            yield book


def _clear_phones(connection: Connection, _now: datetime) -> Iterable[int]:
    def said(row: Row[Any]) -> str:
        facts = json.dumps([row.before, row.after], ensure_ascii=False)
        return f"{row.actor} {row.subject} {facts}"

    return [row.id for row in _entries(connection) if audit.mask_phones(said(row)) != said(row)]


def _moved_cards(connection: Connection, _now: datetime) -> Iterable[int]:
    """Cards whose state is not what the log says last; what was never logged is normal."""
    logged: dict[tuple[int | None, str], object] = {}
    twice = Counter[tuple[int | None, str]]()
    for row in _entries(connection, _log.c.action.startswith("card.")):
        logged[row.merchant_id, row.subject] = (row.after or {}).get("state", "")
    cards = list(
        connection.execute(
            select(_cards.c.id, _cards.c.merchant_id, _cards.c.number, _cards.c.state)
        )
    )
    subjects = [audit.mask_phones(f"实体卡 {card.number}")[:80] for card in cards]
    twice.update((card.merchant_id, name) for card, name in zip(cards, subjects, strict=True))
    for card, name in zip(cards, subjects, strict=True):
        place = (card.merchant_id, name)
        if twice[place] == 1 and card.state != logged.get(place, CardState.NORMAL):
            yield card.id


def _unanswered(connection: Connection, now: datetime) -> Iterable[int]:
    return list(
        connection.scalars(
            select(_answers.c.id).where(
                _answers.c.status.is_(None), _answers.c.asked_at < now - LEFT_BEHIND
            )
        )
    )


INVARIANTS = (
    Invariant("audit.seal", "操作日志写下后没有改动", "audit_entry", _broken_seals),
    Invariant("audit.book", "操作日志的编号连续，一条不少", "audit_book", _lost_entries),
    Invariant("audit.phone", "操作日志里没有完整手机号", "audit_entry", _clear_phones),
    Invariant("card.state", "实体卡的状态与操作日志一致", "member_card", _moved_cards),
    Invariant(
        "staff.place",
        "运营者的员工属于运营者，其他角色属于商家",
        "staff",
        by(
            select(_staff.c.id).where(
                or_(
                    (_staff.c.role == Role.OPERATOR) & _staff.c.merchant_id.is_not(None),
                    (_staff.c.role != Role.OPERATOR) & _staff.c.merchant_id.is_(None),
                )
            )
        ),
    ),
    Invariant(
        "staff.password",
        "每位员工都有密码",
        "staff",
        by(select(_staff.c.id).where(_staff.c.password_hash == "")),
    ),
    Invariant(
        "session.staff",
        "停用的员工没有登录会话",
        "staff_session",
        by(
            select(_sessions.c.id)
            .outerjoin(_staff, _staff.c.id == _sessions.c.staff_id)
            .where(or_(_staff.c.id.is_(None), _staff.c.active.is_(False)))
        ),
    ),
    Invariant("keyed.answer", "带键的请求都有了回答", "remembered_answer", _unanswered),
)
