"""每日数据 made and read: closed days are summed once, what came since is summed live.

A day is made whole in one transaction, older days first, so that everything up to the newest made
day is there and everything after it is live: a job that was cut off goes on, and a job that never
ran makes pages slow and not wrong. When the day turns the last eight are made again: bills come
late from tills that were offline. What is undone counts on the day of the undoing, never late.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select

from backend import clock, tenancy
from backend.calendar import day_of, end_of_day, start_of_day
from backend.campaigns.models import Grant
from backend.coupons.models import Coupon
from backend.database import changed, db, end_read, table_of, transactional
from backend.merchants.models import Merchant
from backend.merchants.queries import zone
from backend.redemption.models import Redemption
from backend.reports import ledgers
from backend.reports.ledgers import Figures, Stretch
from backend.reports.models import DailyFigure, Figure

MADE_AGAIN = 8
"""How many closed days are made again when the day turns."""

MOST_DAYS = 100
"""How many days of a merchant one call makes, more than are made again: a first roll-up of years
goes on at the next."""

_figures, _merchants = table_of(DailyFigure), table_of(Merchant)
_day = timedelta(days=1)


@dataclass(frozen=True)
class Life:
    """发放 → 领取 → 核销 until now, and what it brought; what was undone does not count."""

    granted: int
    people: int
    claimed: int
    redeemed: int
    reduction_fen: int
    sales_fen: int


def of_campaigns(ids: Collection[int]) -> dict[int, Life]:
    """Each campaign's whole life."""
    return _lives(_until_now(Stretch(None, None, campaigns=ids)), ids, place=1)


def of_templates(ids: Collection[int]) -> dict[int, Life]:
    """Each template's whole life, as far as templates have it: claimed, redeemed, reduction."""
    return _lives(_until_now(Stretch(None, None, templates=ids)), ids, place=2)


def roll_up_all(now: datetime) -> int:
    """Make what is due of every merchant; how many days."""
    return _for_each(lambda: roll_up(now))


def roll_up(now: datetime) -> int:
    """Make the merchant's closed days that are not made, at the turn of the day the last eight
    again; how many."""
    here = zone()
    yesterday, made = day_of(now, here) - _day, last_made()
    if made is not None and made >= yesterday:
        return 0
    again = yesterday - MADE_AGAIN * _day
    first = _first_day(here) if made is None else min(made, again) + _day
    return _make_days(first, yesterday, here, most=MOST_DAYS)


def rebuild_all(first: date, last: date, *, now: datetime) -> int:
    """``reports rebuild``: make these days again at every merchant; how many."""
    return _for_each(lambda: rebuild(first, last, now=now))


def rebuild(first: date, last: date, *, now: datetime) -> int:
    """Make the merchant's days again, as far as they are over; days that lie before and are not
    made are made too, for there is no gap."""
    here, made = zone(), last_made()
    next_to_make = _first_day(here) if made is None else made + _day
    if next_to_make is None:
        return 0
    return _make_days(min(first, next_to_make), min(last, day_of(now, here) - _day), here)


@transactional
def rebuild_everything(*, now: datetime) -> int:
    """Make all of the merchant's days again, none that lie before the first."""
    here = zone()
    first = _first_day(here)
    changed(delete(_figures).where(_figures.c.merchant_id == tenancy.merchant_id()))
    return _make_days(first, day_of(now, here) - _day, here)


def last_made() -> date | None:
    """The newest made day; all before it are made."""
    made: date | None = db.session.connection().scalar(
        select(func.max(_figures.c.day)).where(
            _figures.c.merchant_id == tenancy.merchant_id(), _figures.c.figure == Figure.MADE
        )
    )
    return made


def kept(until: date, narrowed: Stretch) -> Figures:
    """The roll-ups of all days up to this one."""
    wanted = [_figures.c.merchant_id == tenancy.merchant_id(), _figures.c.day <= until]
    if narrowed.campaigns is not None:
        wanted.append(_figures.c.campaign_id.in_(narrowed.campaigns))
    if narrowed.templates is not None:
        wanted.append(_figures.c.template_id.in_(narrowed.templates))
    rows = db.session.connection().execute(
        select(
            _figures.c.figure,
            _figures.c.campaign_id,
            _figures.c.template_id,
            func.sum(_figures.c.value),
        )
        .where(*wanted, _figures.c.figure != Figure.MADE)
        .group_by(_figures.c.figure, _figures.c.campaign_id, _figures.c.template_id)
    )
    return Counter({(row[0], row[1], row[2]): int(row[3]) for row in rows})


def _for_each(work: Callable[[], int]) -> int:
    with tenancy.across_merchants("every merchant's days are summed"):
        merchants = list(db.session.connection().scalars(select(_merchants.c.id)))
    done = 0
    for merchant_id in merchants:
        with tenancy.acting_for(merchant_id):
            done += work()
        end_read()
    return done


def _until_now(narrowed: Stretch) -> Figures:
    made = last_made()
    if made is None:
        return ledgers.sums(narrowed)
    since = end_of_day(made, zone())
    live = Stretch(since, None, narrowed.campaigns, narrowed.templates)
    found = kept(made, narrowed)
    found.update(ledgers.sums(live))
    return found


def _lives(found: Figures, ids: Collection[int], *, place: int) -> dict[int, Life]:
    told: dict[int, Counter[str]] = {each: Counter() for each in ids}
    for key, value in found.items():
        told[int(key[place])][key[0]] += value
    return {
        each: Life(
            granted=figures[Figure.GRANTED],
            people=figures[Figure.PEOPLE],
            claimed=figures[Figure.CLAIMED],
            redeemed=figures[Figure.REDEEMED] - figures[Figure.UNDONE],
            reduction_fen=figures[Figure.REDUCED] - figures[Figure.REDUCED_BACK],
            sales_fen=figures[Figure.SALES] - figures[Figure.SALES_BACK],
        )
        for each, figures in told.items()
    }


def _make_days(first: date | None, last: date, here: ZoneInfo, *, most: int | None = None) -> int:
    done = 0
    while first is not None and first <= last and done != most:
        figures = ledgers.sums(Stretch(start_of_day(first, here), end_of_day(first, here)))
        _keep(first, figures)
        first, done = first + _day, done + 1
    return done


@transactional
def _keep(day: date, figures: Figures) -> None:
    """The day's rows, instead of those that were there."""
    merchant_id = tenancy.merchant_id()
    changed(
        delete(_figures).where(
            _figures.c.merchant_id == merchant_id,
            _figures.c.figure.in_(list(Figure)),
            _figures.c.day == day,
        )
    )
    made_at = int(clock.machine_now().timestamp())
    rows = {(Figure.MADE.value, 0, 0): made_at, **figures}
    db.session.connection().execute(
        insert(_figures),
        [
            {
                "merchant_id": merchant_id,
                "day": day,
                "figure": str(figure),
                "campaign_id": campaign_id,
                "template_id": template_id,
                "value": value,
            }
            for (figure, campaign_id, template_id), value in sorted(rows.items())
        ],
    )


def _first_day(here: ZoneInfo) -> date | None:
    """The day of the merchant's first grant, coupon or redemption."""
    firsts = [
        db.session.connection().scalar(
            select(func.min(at)).where(at.table.c.merchant_id == tenancy.merchant_id())
        )
        for at in (
            table_of(Grant).c.granted_at,
            table_of(Coupon).c.claimed_at,
            table_of(Redemption).c.at,
        )
    ]
    return min((day_of(at, here) for at in firsts if at is not None), default=None)
