"""每日数据: what was summed is what the ledgers say."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from backend import clock, tenancy
from backend.calendar import end_of_day, start_of_day
from backend.database import table_of
from backend.merchants.queries import zone
from backend.reports import ledgers, rollup
from backend.reports.invariants.invariant import Invariant
from backend.reports.ledgers import Stretch
from backend.reports.models import DailyFigure

_figures = table_of(DailyFigure)
_EVERYTHING = Stretch(None, None)


def _differing(connection: Connection, _now: datetime | None = None) -> Iterable[int]:
    """Merchants whose days do not add up. Days that will be made again are not looked at: a bill
    of theirs may have come late."""
    merchants = list(connection.scalars(select(_figures.c.merchant_id).distinct()))
    return [merchant_id for merchant_id in merchants if not _adds_up(merchant_id)]


def _adds_up(merchant_id: int) -> bool:
    with tenancy.acting_for(merchant_id):
        made = rollup.last_made()
        if made is None:
            return False
        closed, here = made - timedelta(days=rollup.MADE_AGAIN), zone()
        told = ledgers.sums(Stretch(None, end_of_day(closed, here)))
        kept = rollup.kept(closed, _EVERYTHING)
        for day in rollup.late_days():
            told.subtract(ledgers.sums(Stretch(start_of_day(day, here), end_of_day(day, here))))
            kept.subtract(rollup.kept(day, _EVERYTHING, since=day))
        return told == kept


def _rebuild(connection: Connection) -> int:
    """Every day of these merchants again."""
    days = 0
    for merchant_id in _differing(connection):
        with tenancy.acting_for(merchant_id):
            days += rollup.rebuild_everything(now=clock.now())
    return days


INVARIANTS = (
    Invariant(
        "daily_figure.sums",
        "每日汇总之和等于流水（07），报表因此不必读全部流水",
        "merchant",
        _differing,
        repair=_rebuild,
    ),
)
