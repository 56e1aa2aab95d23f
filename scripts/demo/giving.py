"""What the campaigns gave in the past: follow gifts, waves by the product's rules, claims."""

from collections import Counter
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from backend.calendar import day_of, first_of_week, start_of_day
from backend.campaigns.cadence import Cycle, claim_until
from backend.campaigns.conditions import (
    ConsumptionCondition,
    DaysCondition,
    FlagCondition,
    Op,
)
from backend.campaigns.crowd import Reason
from backend.campaigns.grants import FOLLOW_CYCLE
from backend.campaigns.kinds.class_marketing import ClassMarketing, Part
from backend.campaigns.kinds.periodic import Periodic
from backend.campaigns.models import Grant, GrantState, Wave, WaveState
from backend.campaigns.offers import CurrentOffer
from backend.coupons.models import Coupon, CouponSource, CouponState
from backend.coupons.numbers import coupon_numbers
from backend.coupons.promise import Promise
from backend.members.models import Member
from backend.messaging.models import Purpose
from scripts.demo.guests import YEAR, Guest, Held
from scripts.demo.ledger import Ledger, Row
from scripts.demo.letters import Letters
from scripts.demo.shop import Running, Shop


class Giving:
    """Grants and the coupons they become."""

    def __init__(self, shop: Shop, ledger: Ledger, letters: Letters, chance: Random) -> None:
        self._shop, self._ledger, self._letters, self._chance = shop, ledger, letters, chance
        self._numbers = coupon_numbers()
        self._issued: Counter[int] = Counter()
        self._last_member = max(int(str(row["id"])) for row in ledger.rows(Member))
        self._offers = {
            offer.id: (campaign, offer)
            for campaign in (*shop.campaigns, *shop.gifts)
            for offer in campaign.offers.values()
        }

    @property
    def issued(self) -> Counter[int]:
        """Stock taken and not given back, by template."""
        return self._issued

    def welcome(self, guest: Guest, at: datetime) -> None:
        """关注发券, into the card pack."""
        for campaign in self._shop.campaigns:
            settings, offer = campaign.settings, campaign.offers.get(Part.NEW)
            if isinstance(settings, ClassMarketing) and settings.part(Part.NEW).on and offer:
                guest.row["follow_gift_at"] = at
                grant = self.grant(campaign, offer, guest, FOLLOW_CYCLE, at)
                self.claim(guest, grant, at)
                key = f"grant-{grant['id']}-received"
                self._received(guest, offer, at, key=key, wave_id=None)
                return

    def class_wave(self, campaign: Running, guests: list[Guest], cycle: Cycle) -> None:
        """票券营销 at 09:00 or 16:00."""
        settings, at = campaign.settings, cycle.planned_at
        assert isinstance(settings, ClassMarketing)
        wave = self._open_wave(campaign, cycle, until=None)
        excluded: Counter[str] = Counter()
        week = first_of_week(day_of(at, self._shop.zone))
        served = {part.value: settings.part(part) for part in settings.parts_on}
        for guest in guests:
            part = guest.customer_class.value
            offer = campaign.offers.get(part)
            if offer is None or part not in served or not guest.follows(at):
                continue
            holds = any(h.class_marketing and h.promise.valid_until > at for h in guest.held)
            if part in guest.served and not holds and not served[part].again:
                continue
            if reason := _passed_over(guest, holds=holds, week=week):
                excluded[reason.value] += 1
                continue
            grant = self.grant(campaign, offer, guest, cycle.key, at, wave=wave)
            self.claim(guest, grant, at)
            key = f"wave-{wave['id']}-{guest.id}"
            self._received(guest, offer, at, key=key, wave_id=int(str(wave["id"])))
        self._close_wave(wave, excluded)

    def timed_wave(self, campaign: Running, guests: list[Guest], cycle: Cycle) -> None:
        """定期送券: grants that wait until their people log in."""
        settings, offer = campaign.settings, campaign.offers.get("")
        assert isinstance(settings, Periodic)
        if offer is None:
            return
        at, excluded = cycle.planned_at, Counter[str]()
        until = claim_until(at, settings.claim_window, zone=self._shop.zone)
        wave = self._open_wave(campaign, cycle, until=until)
        for guest in guests:
            if not _is_meant(settings, guest, self._shop, at):
                continue
            if _is_over_limit(offer, guest):
                excluded[Reason.LIMIT.value] += 1
                continue
            grant = self.grant(campaign, offer, guest, cycle.key, at, wave=wave, until=until)
            guest.waiting.append(grant)
            self._letters.tell(
                guest,
                Purpose.COUPONS_WAITING,
                offer.facts(until=until, zone=self._shop.zone),
                key=f"wave-{wave['id']}-{guest.id}",
                at=at,
                wave_id=int(str(wave["id"])),
            )
        self._close_wave(wave, excluded)

    def log_in(self, guest: Guest, at: datetime) -> None:
        """登录: what waits becomes coupons; now and then they allow another message."""
        for grant in guest.waiting:
            if not _is_over(grant, at):
                self.claim(guest, grant, at)
        guest.waiting = [grant for grant in guest.waiting if grant["state"] == GrantState.OPEN]
        if self._chance.random() < 0.5:
            for purpose in (Purpose.COUPONS_WAITING, Purpose.COUPON_RECEIVED):
                self._letters.allow(guest, purpose, times=1, at=at)

    def lapse(self, guests: list[Guest], at: datetime) -> None:
        """过期未领: what nobody claimed in time gives its stock back."""
        for guest in guests:
            for grant in guest.waiting:
                if _is_over(grant, at):
                    grant["state"] = GrantState.LAPSED.value
                    self.take(grant, guest, -1)
            guest.waiting = [grant for grant in guest.waiting if grant["state"] == GrantState.OPEN]

    def grant(
        self,
        campaign: Running,
        offer: CurrentOffer,
        guest: Guest,
        cycle: str,
        at: datetime,
        *,
        wave: Row | None = None,
        until: datetime | None = None,
        link_id: int | None = None,
    ) -> Row:
        """发放, with its stock taken."""
        if isinstance(campaign.settings, ClassMarketing):
            guest.served.add(offer.part)
            guest.granted_on = day_of(at, self._shop.zone)
        grant = self._ledger.add(
            Grant,
            campaign_id=campaign.id,
            cycle=cycle,
            member_id=guest.id,
            offer_id=offer.id,
            wave_id=wave["id"] if wave else None,
            quantity=offer.quantity,
            state=GrantState.OPEN.value,
            granted_at=at,
            claim_until=until,
            claimed_at=None,
            link_id=link_id,
        )
        self.take(grant, guest, 1)
        if wave is not None:
            wave["granted"] = int(str(wave["granted"])) + 1
        return grant

    def take(self, grant: Row, guest: Guest, sign: int) -> None:
        """Stock for a grant, or with -1 what it gives back."""
        _, offer = self._offers[int(str(grant["offer_id"]))]
        for template_id, pieces in offer.per_template.items():
            self._issued[template_id] += sign * pieces
            guest.had_of[template_id] = guest.had_of.get(template_id, 0) + sign * pieces

    def claim(self, guest: Guest, grant: Row, at: datetime) -> None:
        """领取: a grant becomes coupons."""
        campaign, offer = self._offers[int(str(grant["offer_id"]))]
        grant |= {"state": GrantState.CLAIMED.value, "claimed_at": at}
        if campaign.online_activity:
            guest.online_on = day_of(at, self._shop.zone)
        pieces = [line for line in offer.lines for _ in range(line.quantity)]
        for piece, line in enumerate(pieces, start=1):
            span = line.use_window(claimed_at=at, zone=self._shop.zone)
            row = self._ledger.add(
                Coupon,
                grant_id=grant["id"],
                piece=piece,
                member_id=guest.id,
                campaign_id=campaign.id,
                template_id=line.template_id,
                revision_id=line.revision_id,
                state=CouponState.USABLE.value,
                source=CouponSource.LOCAL.value,
                valid_from=span.start,
                valid_until=span.end,
                claimed_at=at,
            )
            promise = Promise(
                number=self._numbers.number(int(str(row["id"]))),
                valid_from=span.start,
                valid_until=span.end,
                **self._shop.terms[line.revision_id],  # type: ignore[arg-type]
            )
            guest.held.append(Held(row, promise, isinstance(campaign.settings, ClassMarketing)))

    def _received(
        self, guest: Guest, offer: CurrentOffer, at: datetime, *, key: str, wave_id: int | None
    ) -> None:
        until = offer.first_end(claimed_at=at, zone=self._shop.zone)
        facts = offer.facts(until=until, zone=self._shop.zone)
        self._letters.tell(guest, Purpose.COUPON_RECEIVED, facts, key=key, at=at, wave_id=wave_id)

    def _open_wave(self, campaign: Running, cycle: Cycle, *, until: datetime | None) -> Row:
        started_at = cycle.planned_at + timedelta(seconds=self._chance.uniform(0.4, 4))
        return self._ledger.add(
            Wave,
            campaign_id=campaign.id,
            cycle=cycle.key,
            planned_at=cycle.planned_at,
            catch_up_until=cycle.catch_up_until,
            lapses_at=until if until is not None and until > self._letters.now else None,
            state=WaveState.DONE.value,
            cursor_id=0,
            last_id=0,
            matched=0,
            granted=0,
            excluded={},
            told=0,
            started_at=started_at,
            finished_at=started_at + timedelta(seconds=self._chance.uniform(0.1, 0.9)),
        )

    def _close_wave(self, wave: Row, excluded: Counter[str]) -> None:
        granted = int(str(wave["granted"]))
        last = self._last_member
        wave |= {
            "matched": granted + excluded.total(),
            "excluded": dict(excluded),
            "told": granted,
            "cursor_id": last,
            "last_id": last,
        }


def _passed_over(guest: Guest, *, holds: bool, week: date) -> Reason | None:
    if holds:
        return Reason.HOLDS_COUPON
    if guest.granted_on is not None and guest.granted_on >= week:
        return Reason.GRANTED_THIS_WEEK
    if guest.online_on is not None and guest.online_on >= week:
        return Reason.ONLINE_ACTIVITY
    return None


def _is_over(grant: Row, at: datetime) -> bool:
    until = grant["claim_until"]
    return isinstance(until, datetime) and until <= at


def _is_over_limit(offer: CurrentOffer, guest: Guest) -> bool:
    needed = offer.per_template
    return any(
        line.per_member is not None
        and guest.had_of.get(line.template_id, 0) + needed[line.template_id] > line.per_member
        for line in offer.lines
    )


def _is_meant(settings: Periodic, guest: Guest, shop: Shop, at: datetime) -> bool:
    """The conditions that the demo's set-up file names, judged as of then."""
    return all(
        _holds(condition, guest, shop.zone, day_of(at, shop.zone))
        for condition in settings.audience.conditions
    )


def _holds(condition: object, guest: Guest, zone: ZoneInfo, today: date) -> bool:
    match condition:
        case ConsumptionCondition(field="consumption_count", days=days):
            since = start_of_day(today - timedelta(days=YEAR * 2 if days is None else days), zone)
            count = sum(at >= since for at, _ in guest.spent)
            return _compare(count, condition)
        case DaysCondition(field="registered_days"):
            registered = guest.row["registered_at"]
            return isinstance(registered, datetime) and _compare(
                (today - day_of(registered, zone)).days, condition
            )
        case FlagCondition(field="phone_bound", value=value):
            return (guest.row["phone"] is not None) is value
        case _:
            raise ValueError(f"the demo's past does not know {condition}")


def _compare(found: int, condition: ConsumptionCondition | DaysCondition) -> bool:
    first, last = int(str(condition.values[0])), int(str(condition.values[-1]))
    match condition.op:
        case Op.LESS:
            return found < first
        case Op.AT_MOST:
            return found <= first
        case Op.IS:
            return found == first
        case Op.AT_LEAST:
            return found >= first
        case Op.MORE:
            return found > first
        case Op.BETWEEN:
            return first <= found <= last
        case Op.IN:
            return found in condition.values
