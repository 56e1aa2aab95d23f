"""导入文件的人: whom its lines speak of, in a fixed number of statements however many lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from backend.database import db
from backend.members.models import Member, MemberCard
from backend.membership.import_lines import BadLine, Line


@dataclass(frozen=True)
class People:
    """The members known by the phones and cards of some lines; whoever was joined into somebody
    stands here as that one."""

    by_phone: dict[str, Member]
    by_card: dict[str, Member]

    @classmethod
    def of(cls, lines: Sequence[Line]) -> "People":
        """Read them."""
        phones = [line.phone for line in lines if line.phone]
        cards = [line.card for line in lines if line.card]
        by_phone = {
            member.phone or "": member
            for member in db.session.scalars(select(Member).where(Member.phone.in_(phones)))
        }
        carried = db.session.execute(
            select(MemberCard.number, Member)
            .join(Member, Member.id == MemberCard.member_id)
            .where(MemberCard.number.in_(cards))
        )
        by_card = {row.number: row.Member for row in carried}
        survivors = _survivors([*by_phone.values(), *by_card.values()])
        for found in (by_phone, by_card):
            for key, member in found.items():
                found[key] = survivors.get(member.alias_of_id or 0, member)
        return cls(by_phone, by_card)

    @property
    def ids(self) -> set[int]:
        """Everybody's."""
        return {member.id for found in (self.by_phone, self.by_card) for member in found.values()}

    def of_line(self, line: Line) -> Member | None:
        """Whom the line speaks of; BadLine where its phone and its card are two people's."""
        by_phone, by_card = self.by_phone.get(line.phone or ""), self.by_card.get(line.card or "")
        if by_phone is not None and by_card is not None and by_phone is not by_card:
            raise BadLine("手机号与卡号属于不同的会员")
        return by_phone or by_card


def _survivors(members: Iterable[Member]) -> dict[int, Member]:
    ids = {member.alias_of_id for member in members if member.alias_of_id}
    found = db.session.scalars(select(Member).where(Member.id.in_(ids)))
    return {member.id: member for member in found}
