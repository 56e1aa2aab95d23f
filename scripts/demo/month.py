"""The life of the shop, day by day: who joins, eats, uses coupons, and what the campaigns give."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from sqlalchemy import update

from backend.calendar import day_of, start_of_day
from backend.campaigns.cadence import class_slots, cycles
from backend.campaigns.kinds.class_marketing import ClassMarketing
from backend.campaigns.kinds.periodic import Periodic
from backend.coupons.models import CouponTemplate
from backend.database import changed, table_of
from scripts.demo.bills import Meals
from scripts.demo.gifts import Gifts
from scripts.demo.giving import Giving
from scripts.demo.guests import Guest, meal_minute
from scripts.demo.ledger import Ledger
from scripts.demo.letters import Letters
from scripts.demo.points import Points
from scripts.demo.shop import Shop, Till
from scripts.demo.using import Using, verifiers

DAYS = 42
"""So many days with campaigns; before them people only ate."""
SETTLED_BY = timedelta(minutes=3)
_WEEKEND = (0.8, 0.8, 0.85, 0.9, 1.25, 1.6, 1.4)


@dataclass(frozen=True)
class Event:
    """Something that happens at an instant; waves do not need an open shop."""

    at: datetime
    happen: Callable[[], None]
    is_wave: bool = False


class Month:
    """Plays what happened until ``now`` into the ledger; of the guests, only ``until``."""

    def __init__(
        self,
        shop: Shop,
        ledger: Ledger,
        guests: list[Guest],
        chance: Random,
        *,
        until: datetime,
        now: datetime,
    ) -> None:
        self._shop, self._guests, self._chance, self._now = shop, guests, chance, now
        self._until = until
        self.first_day = first_day(shop, now)
        letters = Letters(shop, ledger, chance, now=now)
        opened = start_of_day(self.first_day, shop.zone)
        codes = [till.place.code for till in shop.tills]
        clerks = verifiers(ledger, guests, codes, at=opened)
        self._giving = Giving(shop, ledger, letters, chance)
        self._points = Points(shop, ledger, since=started_at(shop, now))
        self.meals = Meals(
            shop,
            ledger,
            letters,
            Using(shop, ledger, letters, chance, clerks),
            self._points,
            Gifts(shop, ledger, self._giving, chance, now=now),
            chance,
        )

    def live(self) -> None:
        """Everything, in the order in which it happened."""
        self._eat_before()
        for guest in self._guests:
            self._points.open(guest)
        for offset in range(DAYS + 1):
            day = self.first_day + timedelta(days=offset)
            self._giving.lapse(self._guests, start_of_day(day, self._shop.zone))
            for event in sorted(self._events(day), key=lambda event: event.at):
                if event.at + SETTLED_BY <= (self._now if event.is_wave else self._until):
                    event.happen()
        self._close_books()

    def _eat_before(self) -> None:
        """Bills of the year before the campaigns."""
        opened = start_of_day(self.first_day, self._shop.zone)
        events = []
        for guest in self._guests:
            days = (opened - guest.joined_at).days
            for _ in range(_how_many(self._chance, guest.bills_a_month * max(0, days) / 75)):
                day = self.first_day - timedelta(days=self._chance.randint(1, max(1, days)))
                at = max(self._at_a_meal(day), guest.joined_at)
                events.append(Event(at, self._meal(guest, at, told=False)))
        for event in sorted(events, key=lambda event: event.at):
            event.happen()

    def _events(self, day: date) -> Iterator[Event]:
        yield from self._waves(day)
        busy = _WEEKEND[day.weekday()]
        midnight = start_of_day(day, self._shop.zone)
        for guest in self._guests:
            if guest.joined_at < midnight:
                yield from self._another_day(guest, day, busy)
            elif guest.joined_at < midnight + timedelta(days=1):
                yield from self._first_visit(guest)
        for _ in range(_how_many(self._chance, 15 * len(self._shop.tills) * busy)):
            till = self._chance.choices(self._shop.tills, weights=(5, 3, 2)[: self._stores])[0]
            at = self._at_a_meal(day)
            yield Event(at, self._meal(None, at, till=till))

    @property
    def _stores(self) -> int:
        return len(self._shop.tills)

    def _first_visit(self, guest: Guest) -> Iterator[Event]:
        """They follow at the table; most have come to eat."""
        at, registered_at = guest.joined_at, guest.row["registered_at"]
        if isinstance(registered_at, datetime):
            yield Event(registered_at, lambda: self._points.register(guest, registered_at))
        if guest.oa is not None:
            yield Event(at, lambda: self._giving.welcome(guest, at))
        if guest.mini is not None:
            yield Event(at, lambda: self._giving.log_in(guest, at))
        if guest.bills_a_month and self._chance.random() < 0.55:
            paid = at + timedelta(minutes=self._chance.randint(25, 80))
            yield Event(paid, self._meal(guest, paid))

    def _another_day(self, guest: Guest, day: date, busy: float) -> Iterator[Event]:
        if self._chance.random() < guest.bills_a_month / 30 * busy * _eagerness(guest):
            at = self._at_a_meal(day)
            yield Event(at, self._meal(guest, at))
        if guest.mini is not None and self._chance.random() < (0.3 if guest.waiting else 0.03):
            at = start_of_day(day, self._shop.zone) + timedelta(
                minutes=self._chance.randint(8 * 60, 22 * 60)
            )
            yield Event(at, lambda: self._giving.log_in(guest, at))

    def _waves(self, day: date) -> Iterator[Event]:
        zone = self._shop.zone
        after, until = start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
        opened = started_at(self._shop, self._now)
        for campaign in self._shop.campaigns:
            if isinstance(campaign.settings, ClassMarketing):
                planned = class_slots(first_started_at=opened, after=after, until=until, zone=zone)
                give = self._giving.class_wave
            elif isinstance(campaign.settings, Periodic):
                planned = cycles(
                    campaign.settings.timetable,
                    first_started_at=opened,
                    after=after,
                    until=until,
                    zone=zone,
                )
                give = self._giving.timed_wave
            else:
                continue
            for cycle in planned:
                yield Event(
                    cycle.planned_at,
                    lambda give=give, campaign=campaign, cycle=cycle: give(  # type: ignore[misc]
                        campaign, self._here(cycle.planned_at), cycle
                    ),
                    is_wave=True,
                )

    def _here(self, at: datetime) -> list[Guest]:
        return [guest for guest in self._guests if guest.joined_at < at]

    def _meal(
        self, guest: Guest | None, at: datetime, *, till: Till | None = None, told: bool = True
    ) -> Callable[[], None]:
        if guest is not None and till is None:
            stays = self._chance.random() < 0.85
            till = guest.till if stays else self._chance.choice(self._shop.tills)
        assert till is not None
        return lambda: self.meals.eat(guest, till, at, told=told)

    def _at_a_meal(self, day: date) -> datetime:
        minutes = meal_minute(self._chance) + self._chance.randint(30, 90)
        seconds = self._chance.randint(0, 59)
        return start_of_day(day, self._shop.zone) + timedelta(minutes=minutes, seconds=seconds)

    def _close_books(self) -> None:
        """What the counters say follows from the bills; stock from the grants."""
        for guest in self._guests:
            guest.row |= {
                "follows": guest.follows(self._now),
                "customer_class": guest.customer_class.value,
                "consumption_count": len(guest.spent),
                "consumption_fen": guest.paid_fen,
                "last_consumed_at": max((at for at, _ in guest.spent), default=None),
                "level_id": guest.level.id if guest.level else None,
                "points": guest.points,
            }
        templates = table_of(CouponTemplate)
        for template_id, pieces in self._giving.issued.items():
            changed(
                update(templates)
                .where(
                    templates.c.id == template_id,
                    templates.c.merchant_id == self._shop.merchant.id,
                    templates.c.stock.is_not(None),
                )
                .values(issued=templates.c.issued + pieces)
            )


def started_at(shop: Shop, now: datetime) -> datetime:
    """When the campaigns were switched on: in the afternoon before their first day."""
    return start_of_day(first_day(shop, now), shop.zone) - timedelta(hours=7, minutes=18)


def first_day(shop: Shop, now: datetime) -> date:
    """Six weeks ago, when the campaigns first gave something."""
    return day_of(now, shop.zone) - timedelta(days=DAYS)


def _eagerness(guest: Guest) -> float:
    """Coupons bring people back."""
    return 1.5 if guest.held else 1.0


def _how_many(chance: Random, mean: float) -> int:
    """About ``mean``, at least none."""
    return max(0, round(chance.gauss(mean, mean**0.5))) if mean > 3 else sum(
        chance.random() < mean / 6 for _ in range(6)
    )  # fmt: skip
