"""The demo's members: who they are, how they came, how often they eat here."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from backend.calendar import SHANGHAI, day_of, start_of_day
from backend.coupons.promise import Promise
from backend.members.models import (
    CustomerClass,
    Gender,
    Identity,
    Member,
    MemberLevel,
    WechatUser,
)
from scripts.demo import words
from scripts.demo.ledger import Ledger, Row
from scripts.demo.phones import Phones
from scripts.demo.shop import Shop, Till

YEAR = 365
RESERVED_PHONES = {"13800001111", "13900002222"}
"""The tour's people bring these."""


@dataclass
class Held:
    """A coupon in somebody's hands."""

    row: Row
    promise: Promise
    class_marketing: bool


@dataclass
class Guest:
    """A member and what the days to come need to know of them."""

    row: Row
    till: Till
    bills_a_month: float
    oa: Row | None = None
    mini: Row | None = None
    keeps_coupons: bool = False
    spent: list[tuple[datetime, int]] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    waiting: list[Row] = field(default_factory=list)
    served: set[str] = field(default_factory=set)
    granted_on: date | None = None
    online_on: date | None = None
    had_of: dict[int, int] = field(default_factory=dict)
    consents: dict[str, Row] = field(default_factory=dict)
    level: MemberLevel | None = None
    paid_fen: int = 0
    points: int = 0
    points_entries: int = 0

    def __post_init__(self) -> None:
        self.id = int(str(self.row["id"]))
        joined_at = self.row["joined_at"]
        assert isinstance(joined_at, datetime)
        self.joined_at = joined_at
        self.customer_class = CustomerClass.NEW
        self.unfollowed_at: datetime | None = None

    def follows(self, at: datetime) -> bool:
        """Whether they follow the official account at this instant; they did when they joined."""
        return self.oa is not None and (self.unfollowed_at is None or at < self.unfollowed_at)


@dataclass(frozen=True)
class Known:
    """Somebody whom a visitor of the demo can be on the phone page."""

    person: str
    nickname: str
    phone: str
    bills_a_month: float
    joined_days_ago: int
    has_mini: bool = True
    store: int = 0


KNOWN = (
    Known("demo-wang", "王小勇", "13800000001", 5.0, 290),
    Known("demo-li", "李晓雯", "13800000002", 1.6, 120, store=1),
    Known("demo-zhao", "赵一鸣", "13800000003", 0.5, 60, has_mini=False, store=2),
    Known("demo-sun", "孙悦", "13800000004", 0.0, 1),
    Known("demo-zhang", "店员小张", "13900000001", 0.3, 200),
    Known("demo-zhen", "店员阿珍", "13900000002", 0.3, 200, store=1),
)
STRANGER = Known("demo-lin", "新顾客小林", "13800000009", 0.0, 0)


def people(
    shop: Shop, ledger: Ledger, phones: Phones, chance: Random, *, count: int, now: datetime
) -> list[Guest]:
    """Everybody, in the order in which they joined."""
    taken = RESERVED_PHONES | {known.phone for known in (*KNOWN, STRANGER)}
    moments = sorted(_joined_at(shop, chance, now) for _ in range(count - len(KNOWN)))
    guests = [
        _somebody(shop, ledger, phones, chance, number, at, taken)
        for number, at in enumerate(moments, start=1)
    ]
    guests += [_known(shop, ledger, phones, chance, known, now) for known in KNOWN]
    for guest in guests:
        guest.level = shop.levels[0] if shop.levels else None
    phones.person(STRANGER.person, STRANGER.nickname, STRANGER.phone)
    return sorted(guests, key=lambda guest: guest.joined_at)


def _joined_at(shop: Shop, chance: Random, now: datetime) -> datetime:
    """Over a year, more of them lately, at meal times."""
    days_ago = round(YEAR * (1 - chance.random() ** 0.75))
    day = day_of(now, shop.zone) - timedelta(days=days_ago)
    at = start_of_day(day, shop.zone) + timedelta(minutes=meal_minute(chance))
    return at if at < now else at - timedelta(days=1)


def meal_minute(chance: Random) -> int:
    """Lunch or, twice as often, dinner."""
    lunch = chance.random() < 0.36
    return round(chance.triangular(11 * 60, 14 * 60, 12 * 60 + 20)) if lunch else round(
        chance.triangular(17 * 60, 21 * 60 + 30, 18 * 60 + 40)
    )  # fmt: skip


def _somebody(
    shop: Shop,
    ledger: Ledger,
    phones: Phones,
    chance: Random,
    number: int,
    joined_at: datetime,
    taken: set[str],
) -> Guest:
    habit = chance.random()
    bills_a_month = (
        chance.uniform(0, 0.04) if habit < 0.22
        else chance.uniform(0.05, 0.25) if habit < 0.5
        else chance.uniform(0.3, 1.0) if habit < 0.88
        else chance.uniform(1.2, 4.0)
    )  # fmt: skip
    has_phone = chance.random() < 0.68
    guest = Guest(
        row=_member(
            ledger,
            chance,
            nickname=words.nickname(chance),
            phone=words.phone(chance, taken) if has_phone else None,
            joined_at=joined_at,
            till=(till := chance.choices(shop.tills, weights=(5, 3, 2)[: len(shop.tills)])[0]),
        ),
        till=till,
        bills_a_month=bills_a_month,
    )
    person = phones.person(f"extra-{number:04d}", str(guest.row["nickname"]), guest.row["phone"])
    if has_phone or chance.random() < 0.25:
        guest.mini = _identity(shop.mini, guest, ledger, phones, person)
    if guest.mini is None or chance.random() < 0.82:
        guest.oa = _identity(shop.oa, guest, ledger, phones, person, followed_at=joined_at)
        if guest.oa and chance.random() < 0.07:
            away = joined_at + timedelta(days=chance.expovariate(1 / 40))
            _leaves(guest, shop, phones, person, away)
    guest.row["channel"] = "follow" if guest.oa else "miniprogram"
    return guest


def _leaves(guest: Guest, shop: Shop, phones: Phones, person: str, at: datetime) -> None:
    """取消关注, if that day has come."""
    if guest.oa is not None and shop.oa is not None and at < phones.now:
        guest.oa["unfollowed_at"] = guest.unfollowed_at = at
        phones.unfollow(person, shop.oa, at=at)


def _known(
    shop: Shop, ledger: Ledger, phones: Phones, chance: Random, known: Known, now: datetime
) -> Guest:
    till = shop.tills[known.store % len(shop.tills)]
    day = day_of(now, shop.zone) - timedelta(days=known.joined_days_ago)
    joined_at = start_of_day(day, shop.zone) + timedelta(hours=18, minutes=20)
    row = _member(
        ledger, chance, nickname=known.nickname, phone=known.phone, joined_at=joined_at, till=till
    )
    guest = Guest(row=row, till=till, bills_a_month=known.bills_a_month, keeps_coupons=True)
    person = phones.person(known.person, known.nickname, known.phone)
    if known.has_mini:
        guest.mini = _identity(shop.mini, guest, ledger, phones, person)
    guest.oa = _identity(shop.oa, guest, ledger, phones, person, followed_at=joined_at)
    row["channel"] = "follow" if guest.oa else "miniprogram"
    return guest


def _member(
    ledger: Ledger,
    chance: Random,
    *,
    nickname: str,
    phone: str | None,
    joined_at: datetime,
    till: Till,
) -> Row:
    born = start_of_day(date(chance.randint(1962, 2006), chance.randint(1, 12), 1), SHANGHAI)
    return ledger.add(
        Member,
        nickname=nickname,
        phone=phone,
        unionid=None,
        gender=chance.choice((*Gender, Gender.FEMALE)).value,
        birthday=(born + timedelta(days=chance.randrange(28))).date()
        if chance.random() < 0.3
        else None,
        joined_at=joined_at,
        registered_at=joined_at + timedelta(minutes=chance.randint(1, 5)) if phone else None,
        channel="",
        store_id=till.place.store_id,
        level_id=None,
        customer_class=CustomerClass.NEW.value,
        follows=False,
        follow_gift_at=None,
        consumption_count=0,
        consumption_fen=0,
        last_consumed_at=None,
    )


def _identity(
    app_id: str | None,
    guest: Guest,
    ledger: Ledger,
    phones: Phones,
    person: str,
    *,
    followed_at: datetime | None = None,
) -> Row | None:
    if app_id is None:
        return None
    openid, unionid = phones.openid(person, app_id, followed_at=followed_at)
    guest.row["unionid"] = guest.row["unionid"] or unionid
    user = ledger.add(
        WechatUser, app_id=app_id, openid=openid, unionid=unionid, created_at=guest.joined_at
    )
    return ledger.add(
        Identity,
        member_id=guest.id,
        wechat_user_id=user["id"],
        store_id=guest.till.place.store_id,
        followed_at=followed_at,
        unfollowed_at=None,
        interacted_at=followed_at,
        follow_push=int(followed_at.timestamp()) if followed_at else None,
    )
