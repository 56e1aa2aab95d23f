"""会员导入: members of an earlier system, by file; the same file again changes nothing.

Imported members count as registered and get no registration gifts: nothing here grants. Points
and balance are opening entries of their ledgers; a level is given, no refund takes it away.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import insert, select

from backend import tenancy
from backend.database import db, table_of, transactional
from backend.errors import DomainError
from backend.members.level_history import given_cause
from backend.members.models import LevelChange, Member, MemberCard, MemberLevel, MemberTag
from backend.membership.import_lines import COLUMNS, BadLine, Line, read_line
from backend.merchants import queries
from backend.points import ledger as points
from backend.wallet import ledger as wallet

BATCH = 500
REASON = "reason"


class ImportFileUnreadable(DomainError):
    code = "IMPORT_FILE_UNREADABLE"
    message = "导入文件无法读取：{why}"


@dataclass(frozen=True)
class Imported:
    """Lines that made a member, lines of members that were there, lines that were refused."""

    imported: int
    updated: int
    rejected: int


Cells = Mapping[str, str]


def import_members(file: Path, *, now: datetime) -> Imported:
    """会员导入 from a CSV in UTF-8 whose header names its columns in any order.

    Batches, each one transaction, so that a file that was cut off is simply given again. Bad
    lines go to ``FILE.rejected.csv`` with their reason.
    """
    encoding, header = _header(file)
    reading = _Reading(now)
    with file.open(encoding=encoding, newline="") as source:
        lines = csv.DictReader(source, restkey="", restval="")
        while batch := [*islice(lines, BATCH)]:
            reading.take(batch)
    _write_rejected(Path(f"{file}.rejected.csv"), header, reading.rejected, encoding)
    return Imported(reading.imported, reading.updated, len(reading.rejected))


class _Reading:
    """One file as it is read: counts, what was refused, and whom earlier lines spoke of."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.zone = queries.zone()
        self.imported = self.updated = 0
        self.rejected: list[tuple[Cells, str]] = []
        self._seen: set[str] = set()

    def take(self, batch: Iterable[Cells]) -> None:
        """Import the good lines of a batch, keep the bad ones with their reason."""
        good: list[tuple[Cells, Line]] = []
        for cells in batch:
            try:
                good.append((cells, self._line(cells)))
            except BadLine as bad:
                self.rejected.append((cells, str(bad)))
        stored = _store([line for _, line in good], now=self.now)
        for (cells, _), outcome in zip(good, stored, strict=True):
            if isinstance(outcome, BadLine):
                self.rejected.append((cells, str(outcome)))
            else:
                self.imported += outcome
                self.updated += not outcome

    def _line(self, cells: Cells) -> Line:
        if "" in cells:
            raise BadLine("列数多于表头")
        line = read_line(cells, zone=self.zone, now=self.now)
        for key in filter(None, (line.phone, line.card and f"card {line.card}")):
            if key in self._seen:
                raise BadLine("同一手机号或卡号在文件中出现过")
            self._seen.add(key)
        return line


@transactional
def _store(lines: Sequence[Line], *, now: datetime) -> list[bool | BadLine]:
    """One batch: whether each line made a member, or why it is refused. What is known is read in a
    fixed number of statements, however many lines."""
    known = _Known.of(lines)
    outcomes: list[bool | BadLine] = []
    met: list[tuple[Line, Member]] = []
    for line in lines:
        try:
            member = known.member_of(line)
            level = known.level_of(line)
        except BadLine as bad:
            outcomes.append(bad)
            continue
        outcomes.append(member is None)
        met.append((line, _figures(member or _new_member(line, known, now=now), line, level, now)))
    db.session.add_all(member for _, member in met)
    db.session.flush()
    _open_accounts(met, now=now)
    known.add_cards_and_tags(met)
    db.session.expunge_all()
    return outcomes


class _Known:
    """What the database holds for the lines of one batch."""

    def __init__(self) -> None:
        self.levels: dict[str, int] = {}
        self.first_level: int | None = None
        self.by_phone: dict[str, Member] = {}
        self.by_card: dict[str, Member] = {}
        self.tags: set[tuple[int, str]] = set()

    @classmethod
    def of(cls, lines: Sequence[Line]) -> "_Known":
        """Read it."""
        known = cls()
        for level in db.session.scalars(select(MemberLevel).order_by(MemberLevel.position)):
            known.levels[level.name] = level.id
        known.first_level = next(iter(known.levels.values()), None)
        phones = [line.phone for line in lines if line.phone]
        for member in db.session.scalars(select(Member).where(Member.phone.in_(phones))):
            known.by_phone[member.phone or ""] = member
        cards = [line.card for line in lines if line.card]
        for number, member in db.session.execute(
            select(MemberCard.number, Member)
            .join(Member, Member.id == MemberCard.member_id)
            .where(MemberCard.number.in_(cards))
        ):
            known.by_card[number] = member
        survivors = _survivors([*known.by_phone.values(), *known.by_card.values()])
        for found in (known.by_phone, known.by_card):
            for key, member in found.items():
                found[key] = survivors.get(member.alias_of_id or 0, member)
        ids = {member.id for found in (known.by_phone, known.by_card) for member in found.values()}
        for member_id, tag in db.session.execute(
            select(MemberTag.member_id, MemberTag.tag).where(MemberTag.member_id.in_(ids))
        ):
            known.tags.add((member_id, tag))
        return known

    def member_of(self, line: Line) -> Member | None:
        """Whom the line speaks of; phone and card of two people are refused."""
        by_phone, by_card = self.by_phone.get(line.phone or ""), self.by_card.get(line.card or "")
        if by_phone is not None and by_card is not None and by_phone is not by_card:
            raise BadLine("手机号与卡号属于不同的会员")
        if by_phone is None and by_card is not None and line.phone:
            if by_card.phone is not None:
                raise BadLine("卡号的会员已有别的手机号")
            by_card.phone = line.phone
        return by_phone or by_card

    def level_of(self, line: Line) -> int | None:
        """The level the line names."""
        if line.level is None:
            return None
        if line.level not in self.levels:
            raise BadLine(f"没有会员等级{line.level}")
        return self.levels[line.level]

    def add_cards_and_tags(self, met: Sequence[tuple[Line, Member]]) -> None:
        """实体卡 and 标签 that are not there yet."""
        merchant_id = tenancy.merchant_id()
        cards = [
            {"merchant_id": merchant_id, "member_id": member.id, "number": line.card}
            for line, member in met
            if line.card and line.card not in self.by_card
        ]
        tags = [
            {"merchant_id": merchant_id, "member_id": member.id, "tag": tag}
            for line, member in met
            for tag in line.tags
            if (member.id, tag) not in self.tags
        ]
        for model, rows in ((MemberCard, cards), (MemberTag, tags)):
            if rows:
                db.session.connection().execute(insert(table_of(model)), rows)


def _survivors(members: Iterable[Member]) -> dict[int, Member]:
    ids = {member.alias_of_id for member in members if member.alias_of_id}
    found = db.session.scalars(select(Member).where(Member.id.in_(ids)))
    return {member.id: member for member in found}


def _new_member(line: Line, known: _Known, *, now: datetime) -> Member:
    registered_at = line.registered_at or now
    return Member(
        merchant_id=tenancy.merchant_id(),
        phone=line.phone,
        level_id=known.first_level,
        channel="import",
        joined_at=registered_at,
        registered_at=registered_at,
    )


def _figures(member: Member, line: Line, level_id: int | None, now: datetime) -> Member:
    """What the line names; what it leaves empty stays."""
    named = {
        "nickname": line.nickname,
        "level_id": level_id,
        "gender": line.gender,
        "birthday": line.birthday,
        "registered_at": line.registered_at or (None if member.registered_at else now),
        "note": line.note,
    }
    if member.id and level_id not in (None, member.level_id):
        db.session.add(
            LevelChange(
                member_id=member.id,
                before_level_id=member.level_id,
                after_level_id=level_id,
                at=now,
                cause=given_cause(),
            )
        )
    for name, value in named.items():
        if value is not None and getattr(member, name) != value:
            setattr(member, name, value)
    return member


def _open_accounts(met: Sequence[tuple[Line, Member]], *, now: datetime) -> None:
    """期初: points and balance become the file's figures, by an entry in each ledger."""
    reason, actor = "会员导入", "command"
    has = {m.id: line.points for line, m in met if line.points is not None}
    points.set_to(has, reason=reason, actor=actor, now=now)
    saved = {m.id: line.balance_fen for line, m in met if line.balance_fen is not None}
    wallet.set_to(saved, reason=reason, actor=actor, now=now)


def _header(file: Path) -> tuple[str, list[str]]:
    """How the file is spelt, and its columns."""
    try:
        raw = file.read_bytes()[:3]
        encoding = "utf-8-sig" if raw == b"\xef\xbb\xbf" else "utf-8"
        with file.open(encoding=encoding, newline="") as source:
            header = [name.strip() for name in next(csv.reader(source), [])]
            for _ in source:
                pass
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportFileUnreadable(why="不是 UTF-8 编码的 CSV") from error
    unknown = [name for name in header if name not in COLUMNS]
    if unknown:
        raise ImportFileUnreadable(why=f"不认识的列 {'、'.join(unknown)}")
    if len(set(header)) < len(header):
        raise ImportFileUnreadable(why="有重复的列")
    if not {"phone", "card"} & set(header):
        raise ImportFileUnreadable(why="表头须有 phone 或 card")
    return encoding, header


def _write_rejected(
    path: Path, header: Sequence[str], rejected: Sequence[tuple[Cells, str]], encoding: str
) -> None:
    if not rejected:
        path.unlink(missing_ok=True)
        return
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*header, REASON])
        for cells, reason in rejected:
            writer.writerow([*_values(cells, header), reason])


def _values(cells: Cells, header: Sequence[str]) -> Iterator[str]:
    return (cells.get(name, "") for name in header)
