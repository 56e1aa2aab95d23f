"""积分变动提醒: the member is told of an entry that somebody else made."""

from datetime import datetime

from backend.messaging import outbox
from backend.messaging.models import Purpose
from backend.points.account import Entry


def tell_changed(
    entry: Entry, *, title: str, remark: str = "", owed: int = 0, now: datetime
) -> None:
    """One message per entry, in its transaction; ``points`` with its sign, without what of them
    was ``owed`` and went at once (R-25). None where nothing is left of it."""
    change = entry.change - owed
    if not change:
        return
    outbox.queue(
        entry.member_id,
        Purpose.POINTS_CHANGED,
        {
            "title": title,
            "points": f"{change:+}",
            "points_total": entry.after - owed,
            "time": now.isoformat(),
            "remark": remark,
        },
        dedupe_key=f"points-{entry.id}",
        now=now,
    )
