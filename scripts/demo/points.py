"""积分 of the past, by the product's rules: what members began with, what registering and bills
brought. Every entry that brings some has its lot; nothing of it expires in the demo."""

from datetime import date, datetime

from backend.calendar import day_of
from backend.members.models import MemberLevel
from backend.points import earn
from backend.points.earn import Rules
from backend.points.models import EntryKind, PointsEntry, PointsLot
from scripts.demo.guests import Guest
from scripts.demo.ledger import Ledger
from scripts.demo.shop import Shop


class Points:
    """Writes entries and lots, one after the other for each guest."""

    def __init__(self, shop: Shop, ledger: Ledger, *, since: datetime) -> None:
        self._shop, self._ledger, self._since = shop, ledger, since
        self._rules: dict[tuple[str | None, date], Rules] = {}

    def open(self, guest: Guest) -> None:
        """期初积分 when points began: one per yuan paid before."""
        points, cause = guest.paid_fen // 100, f"{EntryKind.ADJUST}-{guest.id}-1"
        self._bring(guest, points, EntryKind.ADJUST, cause, self._since, reason="开业至今的消费")

    def register(self, guest: Guest, at: datetime) -> None:
        """注册送积分."""
        cause = f"registration-{guest.id}"
        self._bring(guest, self._shop.registration_points, EntryKind.EARN, cause, at)

    def rules(self, level: MemberLevel | None, at: datetime) -> Rules | None:
        """What a bill of a member of this level earned by; None before points began."""
        if at < self._since:
            return None
        known_as = level.name if level else None, day_of(at, self._shop.zone)
        if known_as not in self._rules:
            self._rules[known_as] = earn.rules_for(known_as[0], at=at)
        return self._rules[known_as]

    def earn(self, guest: Guest, points: int, *, bill_id: int, at: datetime) -> None:
        """消费送积分."""
        self._bring(guest, points, EntryKind.EARN, f"bill-{bill_id}-earn", at)

    def _bring(
        self,
        guest: Guest,
        points: int,
        kind: EntryKind,
        cause: str,
        at: datetime,
        *,
        reason: str = "",
    ) -> None:
        if not points:
            return
        guest.points += points
        guest.points_entries += 1
        entry = self._ledger.add(
            PointsEntry,
            member_id=guest.id,
            seq=guest.points_entries,
            change=points,
            balance_after=guest.points,
            kind=kind.value,
            cause=cause,
            reason=reason,
            at=at,
            reverses_id=None,
        )
        self._ledger.add(
            PointsLot,
            member_id=guest.id,
            points_entry_id=entry["id"],
            points=points,
            remaining=points,
            earned_at=at,
            expires_at=None,
        )
