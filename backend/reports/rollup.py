"""每日数据 made and read: closed days are summed once, what came since is summed live.

A day is made whole in one transaction, older days first, so that everything up to the newest made
day is there and everything after it is live: a job that was cut off goes on, and a job that never
ran makes pages slow and not wrong. When the day turns the last eight are made again, and older ones
of which a bill has come since: tills were offline. What is undone counts on the day of the undoing,
never late.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select

from backend import tenancy
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
"""How many closed days are made again when the day turns, whatever came."""

MOST_DAYS = 100
"""How many days of a merchant one call makes, more than are made again: a first roll-up of years
goes on at the next."""

_figures, _merchants = table_of(DailyFigure), table_of(Merchant)
_redemptions = table_of(Redemption)
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
    again, seen = yesterday - MADE_AGAIN * _day, _newest_redemption()
    first = _first_day(here) if made is None else min(made, again) + _day
    late = [day for day in late_days() if first is not None and day < first]
    done = sum(_make_days(day, day, here, seen=seen) for day in late)
    return done + _make_days(first, yesterday, here, seen=seen, most=MOST_DAYS)


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
    last, seen = min(last, day_of(now, here) - _day), _seen()
    return _make_days(min(first, next_to_make), last, here, seen=seen)


@transactional
def rebuild_everything(*, now: datetime) -> int:
    """Make all of the merchant's days again, none that lie before the first."""
    here = zone()
    first, seen = _first_day(here), _newest_redemption()
    changed(delete(_figures).where(_figures.c.merchant_id == tenancy.merchant_id()))
    return _make_days(first, day_of(now, here) - _day, here, seen=seen)


def late_days() -> list[date]:
    """Made days of which a bill has come that nobody has summed, except those that are made again
    anyhow: the next turn of the day makes them too."""
    made = last_made()
    if made is None:
        return []
    here = zone()
    # found by its id alone: what is asked of merchant and time fits no index of a whole life
    at = func.coalesce(_redemptions.c.at, _redemptions.c.at)
    came = db.session.connection().scalars(
        select(_redemptions.c.at).where(
            _redemptions.c.id > _seen(),
            (_redemptions.c.merchant_id + 0) == tenancy.merchant_id(),
            at < end_of_day(made - MADE_AGAIN * _day, here),
        )
    )
    return sorted({day_of(at, here) for at in came})


def last_made() -> date | None:
    """The newest made day; all before it are made."""
    made: date | None = db.session.connection().scalar(
        select(func.max(_figures.c.day)).where(
            _figures.c.merchant_id == tenancy.merchant_id(), _figures.c.figure == Figure.MADE
        )
    )
    return made


def kept(until: date, narrowed: Stretch, *, since: date = date.min) -> Figures:
    """The roll-ups of all days up to this one."""
    wanted = [
        _figures.c.merchant_id == tenancy.merchant_id(),
        _figures.c.day.between(since, until),
    ]
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


def _seen() -> int:
    """The newest redemption, of any merchant, that the newest made day could have heard of."""
    newest = db.session.connection().scalar(
        select(_figures.c.value)
        .where(_figures.c.merchant_id == tenancy.merchant_id(), _figures.c.figure == Figure.MADE)
        .order_by(_figures.c.day.desc())
        .limit(1)
    )
    return int(newest) if newest is not None else _newest_redemption()


@tenancy.across_merchants("the newest redemption of any merchant")
def _newest_redemption() -> int:
    return db.session.connection().scalar(select(func.max(_redemptions.c.id))) or 0


def _make_days(
    first: date | None, last: date, here: ZoneInfo, *, seen: int, most: int | None = None
) -> int:
    done = 0
    while first is not None and first <= last and done != most:
        figures = ledgers.sums(Stretch(start_of_day(first, here), end_of_day(first, here)))
        _keep(first, figures, seen=seen)
        first, done = first + _day, done + 1
    return done


@transactional
def _keep(day: date, figures: Figures, *, seen: int) -> None:
    """The day's rows, instead of those that were there."""
    merchant_id = tenancy.merchant_id()
    changed(
        delete(_figures).where(
            _figures.c.merchant_id == merchant_id,
            _figures.c.figure.in_(list(Figure)),
            _figures.c.day == day,
        )
    )
    rows = {(Figure.MADE.value, 0, 0): seen, **figures}
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
