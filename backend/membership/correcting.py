"""更正期初: what a list says is put in the place of what members have, by an act of its own (R-24).

First it tells whom and how much; then it does exactly that, or nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import or_, select

from backend.database import db, transactional
from backend.errors import DomainError
from backend.members import queries as members
from backend.members.models import Member, MemberCard
from backend.members.phones import masked
from backend.membership import import_files
from backend.membership.import_lines import BadLine, read_line
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
    zone, found = queries.zone(), {}
    for row in import_files.open_file(file).rows:
        try:
            line = read_line(row.cells, zone=zone, now=now)
            member = _member(line.phone, line.card)
        except BadLine as bad:
            raise CorrectionRefused(why=f"第{row.number}行：{bad}") from None
        if member.id in found:
            raise CorrectionRefused(why=f"第{row.number}行：同一会员在文件中出现过")
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
    ids = sorted(each.member_id for each in agreed)
    db.session.scalars(select(Member).where(Member.id.in_(ids)).with_for_update()).all()
    db.session.expire_all()
    if plan(file, now=now) != list(agreed):
        raise CorrectionRefused(why="有会员的积分或余额刚刚变了，请重新查看后再更正")
    to = {each.member_id: each.points[1] for each in agreed if each.points}
    points.set_to(to, reason=reason, actor=actor, now=now)
    saved = {each.member_id: each.balance_fen[1] for each in agreed if each.balance_fen}
    wallet.set_to(saved, reason=reason, actor=actor, now=now)
    for each in agreed:
        audit.record(
            "member.correct",
            subject=f"会员 {each.member_id}",
            actor=actor,
            merchant_id=merchant_id(),
            before=each.figures(0),
            after=each.figures(1),
            now=now,
        )


def _change(has: int, says: int | None) -> tuple[int, int] | None:
    return None if says is None or says == has else (has, says)


def _member(phone: str | None, card: str | None) -> Member:
    carried = select(MemberCard.member_id).where(MemberCard.number == card)
    wanted = or_(
        *([Member.phone == phone] if phone else []), *([Member.id.in_(carried)] if card else [])
    )
    people = {members.survivor(id).id for id in db.session.scalars(select(Member.id).where(wanted))}
    if not people:
        raise BadLine("没有这个会员")
    if len(people) > 1:
        raise BadLine("手机号与卡号属于不同的会员")
    return members.survivor(people.pop())
