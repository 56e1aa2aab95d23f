"""会员导入: members of an earlier system, by file; the same file again changes nothing.

Imported members count as registered and get no registration gifts: nothing here grants. Points,
balance and level are opening figures: they count once for a member, when first given (R-24); a
later list never moves them, ``correcting`` does. No refund takes a given level away.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import insert, select

from backend import tenancy
from backend.database import db, table_of, transactional
from backend.members.level_history import OPENING
from backend.members.models import LevelChange, Member, MemberCard, MemberLevel, MemberTag
from backend.members.queries import persons
from backend.membership import import_files
from backend.membership.import_files import REASON, ImportFile, Row
from backend.membership.import_lines import BadLine, Line, read_line
from backend.membership.import_people import People
from backend.merchants import queries
from backend.points import ledger as points
from backend.wallet import ledger as wallet


@dataclass(frozen=True)
class Imported:
    """Lines that made a member, lines of members that were there, lines that were refused; and
    what of the lines that went in could not be read and was left empty, in words."""

    imported: int
    updated: int
    rejected: int
    warnings: tuple[str, ...] = ()


def import_members(file: Path, *, now: datetime) -> Imported:
    """会员导入 from a file as ``import_files`` reads it.

    Batches, each one transaction, so that a file that was cut off is simply given again. Bad
    lines go to ``FILE.rejected.csv`` with their reason, under the header of the file.
    """
    source = import_files.open_file(file)
    reading = _Reading(now)
    for batch in source.batches():
        reading.take(batch)
    _write_rejected(Path(f"{file}.rejected.csv"), source, reading.rejected)
    return Imported(
        reading.imported, reading.updated, len(reading.rejected), tuple(reading.warnings)
    )


class _Reading:
    """One file as it is read: counts, what was refused, and whom earlier lines spoke of."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.zone = queries.zone()
        self.imported = self.updated = 0
        self.rejected: list[tuple[Row, str]] = []
        self.warnings: list[str] = []
        self._seen: set[str] = set()

    def take(self, batch: Iterable[Row]) -> None:
        """Import the good lines of a batch, keep the bad ones with their reason."""
        good: list[tuple[Row, Line]] = []
        for row in batch:
            try:
                good.append((row, self._line(row)))
            except BadLine as bad:
                self.rejected.append((row, str(bad)))
        stored = _store([line for _, line in good], now=self.now)
        for (row, line), outcome in zip(good, stored, strict=True):
            if isinstance(outcome, BadLine):
                self.rejected.append((row, str(outcome)))
                continue
            self.imported += outcome
            self.updated += not outcome
            self.warnings += [f"第{row.number}行 {words}" for words in line.unread]

    def _line(self, row: Row) -> Line:
        if row.overflows:
            raise BadLine("列数多于表头")
        line = read_line(row.cells, zone=self.zone, now=self.now)
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
    levels: list[int | None] = []
    for line in lines:
        try:
            member = known.member_of(line)
            level = known.level_of(line)
        except BadLine as bad:
            outcomes.append(bad)
            continue
        outcomes.append(member is None)
        met.append((line, _attributes(member or _new_member(line, known, now=now), line, now)))
        levels.append(level)
    db.session.add_all(member for _, member in met)
    db.session.flush()
    known.give_levels([member for _, member in met], levels, now=now)
    _open_accounts([(line, member.id) for line, member in met], now=now)
    known.add_cards_and_tags(met)
    db.session.expunge_all()
    return outcomes


class _Known:
    """What the database holds for the lines of one batch."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.levels: dict[str, int] = {}
        self.first_level: int | None = None
        self.tags: set[tuple[int, str]] = set()

    @classmethod
    def of(cls, lines: Sequence[Line]) -> "_Known":
        """Read it."""
        known = cls(People.of(lines))
        for level in db.session.scalars(select(MemberLevel).order_by(MemberLevel.position)):
            known.levels[level.name] = level.id
        known.first_level = next(iter(known.levels.values()), None)
        for member_id, tag in db.session.execute(
            select(MemberTag.member_id, MemberTag.tag).where(
                MemberTag.member_id.in_(known.people.ids)
            )
        ):
            known.tags.add((member_id, tag))
        return known

    def member_of(self, line: Line) -> Member | None:
        """Whom the line speaks of; a member known by card alone gets the line's phone."""
        member = self.people.of_line(line)
        if member is not None and line.phone and line.phone not in self.people.by_phone:
            if member.phone is not None:
                raise BadLine("卡号的会员已有别的手机号")
            member.phone = line.phone
        return member

    def level_of(self, line: Line) -> int | None:
        """The level the line names."""
        if line.level is None:
            return None
        if line.level not in self.levels:
            raise BadLine(f"没有会员等级{line.level}")
        return self.levels[line.level]

    def give_levels(
        self, people: Sequence[Member], levels: Sequence[int | None], *, now: datetime
    ) -> None:
        """等级, an opening figure: given once, under one cause per member."""
        named = [
            (member, level_id)
            for member, level_id in zip(people, levels, strict=True)
            if level_id is not None
        ]
        all_ids = persons([member.id for member, _ in named])
        opened = set(
            db.session.scalars(
                select(LevelChange.member_id).where(
                    LevelChange.member_id.in_([id for ids in all_ids.values() for id in ids]),
                    LevelChange.cause == OPENING,
                )
            )
        )
        for member, level_id in named:
            if not opened.intersection(all_ids[member.id]):
                db.session.add(
                    LevelChange(
                        member_id=member.id,
                        before_level_id=member.level_id,
                        after_level_id=level_id,
                        at=now,
                        cause=OPENING,
                    )
                )
                member.level_id = level_id
        db.session.flush()

    def add_cards_and_tags(self, met: Sequence[tuple[Line, Member]]) -> None:
        """实体卡 and 标签 that are not there yet."""
        merchant_id = tenancy.merchant_id()
        cards = [
            {"merchant_id": merchant_id, "member_id": member.id, "number": line.card}
            for line, member in met
            if line.card and line.card not in self.people.by_card
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


def _attributes(member: Member, line: Line, now: datetime) -> Member:
    """What the line names; what it leaves empty stays."""
    named = {
        "nickname": line.nickname,
        "gender": line.gender,
        "birthday": line.birthday,
        "registered_at": line.registered_at or (None if member.registered_at else now),
        "note": line.note,
    }
    for name, value in named.items():
        if value is not None and getattr(member, name) != value:
            setattr(member, name, value)
    return member


def _open_accounts(met: Sequence[tuple[Line, int]], *, now: datetime) -> None:
    """期初: what an earlier system knows, an entry in each ledger, once for a person (R-24)."""
    reason, actor = "会员导入", "command"
    has = {id: line.points for line, id in met if line.points is not None}
    points.open_with(has, reason=reason, actor=actor, now=now)
    saved = {id: line.balance_fen for line, id in met if line.balance_fen is not None}
    wallet.open_with(saved, reason=reason, actor=actor, now=now)


def _write_rejected(path: Path, source: ImportFile, rejected: Sequence[tuple[Row, str]]) -> None:
    if not rejected:
        path.unlink(missing_ok=True)
        return
    kept = [n for n, label in enumerate(source.header) if label.strip() not in ("", REASON)]
    with path.open("w", encoding=source.encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(source.header[n].strip() for n in kept), REASON])
        for row, reason in rejected:
            writer.writerow([*(row.said[n] if n < len(row.said) else "" for n in kept), reason])
