"""The merchant of the benchmarks: many members, older coupons behind them, one plan that runs."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select

from backend import tenancy
from backend.campaigns import offers
from backend.campaigns.models import Campaign, Grant, GrantState
from backend.coupons.models import Coupon, CouponSource, CouponState
from backend.database import db, table_of, transaction
from backend.members.models import CustomerClass, Identity, Member, WechatUser
from backend.merchants.models import Merchant
from backend.setup.apply import apply
from backend.setup.reading import read

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
"""A Monday, when a wave is due."""
MINI = "wxmini0001"
OFFICIAL = "wxoa0001"
ELIGIBLE = "e"
SETUP = """
merchants:
  - code: bench
    name: 火锅
    subscription: {from: 2026-01-01, to: 2027-12-31}
    wechat:
      - {app_id: wxmini0001, kind: miniprogram, secret: s1}
      - {app_id: wxoa0001, kind: official_account, secret: s2, token: t2}
    stores: [{code: s01, name: 皇岗, pos: {key: k01, secret: p01}}]
    levels: [{name: 普通会员}]
    templates:
      - {code: t, kind: cash, title: 代金券10元, rule: {value_fen: 1000}, minimum_fen: 5000,
         validity: {days: 15}}
    campaigns:
      - code: welcome
        kind: class_marketing
        state: running
        parts:
          new: {on: true, again: true, coupons: [{template: t, quantity: 1}]}
          ordinary: {on: true, coupons: [{template: t, quantity: 1}]}
          loyal: {on: true, coupons: [{template: t, quantity: 1}]}
"""
_BATCH = 20_000


def fill(members: int, *, holding: float = 0.14, logins: int = 0) -> None:
    """``members`` followers; everybody has had a coupon, a share still holds one; the first
    ``logins`` of them have an identity in the mini-program."""
    apply(read(SETUP), now=NOW - timedelta(days=60))
    merchant = db.session.scalars(select(Merchant)).one()
    with tenancy.acting_for(merchant.id), transaction():
        _write(Member, (_member(number, holding) for number in range(1, members + 1)))
        offer = _offer()
        old = NOW - timedelta(days=40)
        rows = [(n, n, old) for n in range(1, members + 1)]
        _grants(offer, rows, state=GrantState.CLAIMED)
        _coupons(offer, rows)
        holders = [n for n in range(1, members + 1) if not _is_eligible(n, holding)]
        late = NOW - timedelta(days=8)
        rows = [(members + place, n, late) for place, n in enumerate(holders, start=1)]
        _grants(offer, rows, state=GrantState.CLAIMED, cycle="before")
        _coupons(offer, rows)
        identities(range(1, logins + 1))


def merchant_id() -> int:
    return db.session.scalars(select(Merchant.id)).one()


def identities(members: range) -> None:
    """Mini-program identities; the openid is ``o`` and the member's id."""
    at = NOW - timedelta(days=50)
    _write(
        WechatUser,
        (
            {"id": n, "app_id": MINI, "openid": openid(n), "created_at": at, "asked_at": at}
            for n in members
        ),
    )
    _write(
        Identity,
        ({"id": n, "merchant_id": 1, "member_id": n, "wechat_user_id": n} for n in members),
    )


def openid(member_id: int) -> str:
    return f"o{member_id:027d}"


def followers(members: range) -> None:
    """Who of the members with an identity in the mini-program follows the official account, too."""
    at, last = NOW - timedelta(days=50), members[-1]
    _write(
        WechatUser,
        (
            {"id": last + n, "app_id": OFFICIAL, "openid": follower(n), "created_at": at}
            | {"asked_at": at}
            for n in members
        ),
    )
    _write(
        Identity,
        (
            {"id": last + n, "merchant_id": 1, "member_id": n, "wechat_user_id": last + n}
            | {"followed_at": at, "last_interaction_at": at}
            for n in members
        ),
    )


def follower(member_id: int) -> str:
    return f"f{member_id:027d}"


def phone(member_id: int) -> str:
    return f"138{member_id:08d}"


def open_grants(people: range, each: int, *, first_id: int) -> None:
    """``each`` grants of one coupon that wait for every one of these people."""
    with tenancy.acting_for(merchant_id()), transaction():
        offer = _offer()
        rows = [
            (first_id + place * each + nth, member, f"wait-{first_id}-{nth}")
            for place, member in enumerate(people)
            for nth in range(each)
        ]
        _write(
            Grant,
            (_grant(offer, id, member, NOW, GrantState.OPEN, cycle) for id, member, cycle in rows),
        )


def usable_coupons(people: range, *, first_id: int) -> range:
    """A usable coupon for each; their ids."""
    with tenancy.acting_for(merchant_id()), transaction():
        offer = _offer()
        rows = [(first_id + place, member, NOW) for place, member in enumerate(people)]
        _grants(offer, rows, state=GrantState.CLAIMED, cycle="redeem")
        _coupons(offer, rows)
    return range(first_id, first_id + len(people))


def _offer() -> offers.CurrentOffer:
    campaign = db.session.scalars(select(Campaign)).one()
    offer = offers.current(campaign.id, "ordinary")
    assert offer is not None
    return offers.persist(offer)


def _is_eligible(number: int, holding: float) -> bool:
    return number % 100 >= holding * 100


def _member(number: int, holding: float) -> dict[str, object]:
    classes = list(CustomerClass)
    return {
        "id": number,
        "merchant_id": 1,
        "nickname": f"顾客{number}",
        "phone": phone(number),
        "joined_at": NOW - timedelta(days=60),
        "registered_at": NOW - timedelta(days=60),
        "follows": True,
        "customer_class": classes[number % 3].value,
        "consumption_count": number % 3,
        "level_id": 1,
        "note": ELIGIBLE if _is_eligible(number, holding) else "",
    }


def _grants(
    offer: offers.CurrentOffer,
    rows: list[tuple[int, int, datetime]],
    *,
    state: GrantState,
    cycle: str = "old",
) -> None:
    _write(Grant, (_grant(offer, id, member, at, state, cycle) for id, member, at in rows))


def _grant(
    offer: offers.CurrentOffer, id: int, member: int, at: datetime, state: GrantState, cycle: str
) -> dict[str, object]:
    return {
        "id": id,
        "merchant_id": 1,
        "campaign_id": offer.campaign_id,
        "cycle": cycle,
        "member_id": member,
        "offer_id": offer.id,
        "quantity": 1,
        "state": state.value,
        "granted_at": at,
        "claimed_at": at if state is GrantState.CLAIMED else None,
    }


def _coupons(offer: offers.CurrentOffer, rows: list[tuple[int, int, datetime]]) -> None:
    line = offer.lines[0]
    _write(
        Coupon,
        (
            {
                "id": id,
                "merchant_id": 1,
                "grant_id": id,
                "piece": 1,
                "member_id": member,
                "campaign_id": offer.campaign_id,
                "template_id": line.template_id,
                "revision_id": line.revision_id,
                "state": CouponState.USABLE.value,
                "source": CouponSource.LOCAL.value,
                "valid_from": at,
                "valid_until": at + timedelta(days=15),
                "claimed_at": at,
            }
            for id, member, at in rows
        ),
    )


def _write(model: type, rows: Iterable[dict[str, object]]) -> None:
    table, connection, left = table_of(model), db.session.connection(), iter(rows)
    while batch := list(islice(left, _BATCH)):
        connection.execute(insert(table), batch)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            f"select setval(pg_get_serial_sequence('{table.name}', 'id'),"
            f" greatest(max(id), 1)) from {table.name}"
        )
