"""收银入口 (S2-17, S2-34): which of points' buttons a till shows on the member's page."""

from dataclasses import dataclass
from datetime import datetime

from backend.points import manual
from backend.points.exchange_offers import running


@dataclass(frozen=True)
class TillEntries:
    """手动增加积分, 手动扣减积分, 积分商城."""

    add_points: bool
    subtract_points: bool
    exchange: bool


def till_entries(*, store_code: str, now: datetime) -> TillEntries:
    """What is switched on at this store now."""
    switches = manual.switches(now=now)
    return TillEntries(
        add_points=switches.add,
        subtract_points=switches.subtract,
        exchange=bool(running(store_code=store_code, now=now)),
    )
