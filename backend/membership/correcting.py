"""更正期初: what a list says is put in the place of what members have, by an act of its own (R-24).

First it tells whom and how much; then it does exactly that, or nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select

from backend.database import db, transactional
from backend.errors import DomainError
from backend.members.models import Member
from backend.members.phones import masked
from backend.membership import import_files
from backend.membership.import_files import BATCH, Row
from backend.membership.import_lines import BadLine, Line, read_line
from backend.membership.import_people import People
from backend.merchants import audit, queries
from backend.points import ledger as points
from backend.tenancy import merchant_id
from backend.wallet import ledger as wallet


class CorrectionRefused(DomainError):
    code = "CORRECTION_REFUSED"
    message = "{why}"


@dataclass(frozen=True)
class Correction:
    """One member's figures as they are and as the list says; None: the list says nothing."""

    member_id: int
    who: str
    points: tuple[int, int] | None
    balance_fen: tuple[int, int] | None

    def figures(self, at: int) -> audit.Facts:
        """Those before (0) or after (1) it."""
        pairs = {"points": self.points, "balance_fen": self.balance_fen}
        return {name: pair[at] for name, pair in pairs.items() if pair}


def plan(file: Path, *, now: datetime) -> list[Correction]:
    """Whom the list would change and how much; CorrectionRefused for a line that is unsure."""
    zone = queries.zone()
    found: dict[int, Correction] = {}
    for batch in import_files.open_file(file).batches():
        lines = [(row, _read(row, zone=zone, now=now)) for row in batch]
        people = People.of([line for _, line in lines])
        for row, line in lines:
            with _unsure(row):
                member = people.of_line(line)
                if member is None:
                    raise BadLine("没有这个会员")
                if member.id in found:
                    raise BadLine("同一会员在文件中出现过")
            has_fen = member.principal_fen + member.bonus_fen
            found[member.id] = Correction(
                member.id,
                f"{member.nickname} {masked(member.phone) or line.card}".strip(),
                _change(member.points, line.points),
                _change(has_fen, line.balance_fen),
            )
    return [each for each in found.values() if each.points or each.balance_fen]


@transactional
def correct(
    file: Path, agreed: Sequence[Correction], *, reason: str, actor: str, now: datetime
) -> None:
    """Do what was told; CorrectionRefused where somebody's figures moved meanwhile."""
    by_id = sorted(agreed, key=lambda each: each.member_id)
    batches = [by_id[n : n + BATCH] for n in range(0, len(by_id), BATCH)]
    for batch in batches:
        ids = [each.member_id for each in batch]
        db.session.scalars(select(Member).where(Member.id.in_(ids)).with_for_update()).all()
    db.session.expire_all()
    if plan(file, now=now) != list(agreed):
        raise CorrectionRefused(why="有会员的积分或余额刚刚变了，请重新查看后再更正")
    for batch in batches:
        to = {each.member_id: each.points[1] for each in batch if each.points}
        points.set_to(to, reason=reason, actor=actor, now=now)
        saved = {each.member_id: each.balance_fen[1] for each in batch if each.balance_fen}
        wallet.set_to(saved, reason=reason, actor=actor, now=now)
    told = [
        audit.Change(f"会员 {each.member_id}", each.figures(0), each.figures(1)) for each in agreed
    ]
    if told:
        audit.record_all("member.correct", told, actor=actor, merchant_id=merchant_id(), now=now)


def _change(has: int, says: int | None) -> tuple[int, int] | None:
    return None if says is None or says == has else (has, says)


def _read(row: Row, *, zone: ZoneInfo, now: datetime) -> Line:
    with _unsure(row):
        return read_line(row.cells, zone=zone, now=now)


@contextmanager
def _unsure(row: Row) -> Iterator[None]:
    """A bad line ends the whole, with its number."""
    try:
        yield
    except BadLine as bad:
        raise CorrectionRefused(why=f"第{row.number}行：{bad}") from None
