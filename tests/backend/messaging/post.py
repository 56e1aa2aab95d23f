"""Customers with addresses, templates for every channel, and what the tests ask of the outbox."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue
from sqlalchemy import select, update

from backend import clock, tenancy
from backend.database import db, transaction
from backend.members.models import Identity, Member, WechatUser
from backend.merchants.models import Merchant
from backend.messaging import consents, outbox
from backend.messaging.consents import Road
from backend.messaging.models import Attempt, Channel, Consent, Intent, MessageTemplate, Purpose
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.server import Platform
from tests.builders import Shop, a_member, a_shop, reread

TPL = "TPL1"
SUBSCRIBE = "/cgi-bin/message/subscribe/send"
TEMPLATE = "/cgi-bin/message/template/send"
CUSTOM = "/cgi-bin/message/custom/send"
FACTS: dict[str, JsonValue] = {"title": "满100减10", "count": 1, "valid_to": "2026-12-22"}


@dataclass(frozen=True)
class Customer:
    """A member, and the person on the platform's phone."""

    shop: Shop
    member_id: int
    person: Person
    oa_user: int
    mini_user: int


def a_wechat_shop(wechat: Platform, *, subscribed: bool = True) -> Shop:
    """A shop whose accounts the platform knows too."""
    shop = a_shop(subscribed=subscribed)
    for app_id, kind in ((shop.oa, "official_account"), (shop.mini, "miniprogram")):
        wechat.account(app_id, kind, f"secret-{app_id}", token=f"token-{app_id}")
    return shop


def a_customer(wechat: Platform, shop: Shop, *, interacted: bool = False) -> Customer:
    """Follows the account, has been in the mini-program; no pushes reach the product."""
    person = wechat.person()
    deliver, wechat.deliver = wechat.deliver, lambda *_: (200, b"")
    wechat.follow(person, shop.oa)
    wechat.deliver = deliver
    member_id, now = a_member(shop), clock.now()
    users = []
    with transaction(), tenancy.acting_for(shop.merchant_id):
        for app_id in (shop.oa, shop.mini):
            user = WechatUser(app_id=app_id, openid=wechat.openid(person, app_id), created_at=now)
            db.session.add(user)
            db.session.flush()
            follows = app_id == shop.oa
            db.session.add(
                Identity(
                    member_id=member_id,
                    wechat_user_id=user.id,
                    followed_at=now - timedelta(days=30) if follows else None,
                    interacted_at=now if follows and interacted else None,
                )
            )
            users.append(user.id)
        db.session.execute(update(Member).where(Member.id == member_id).values(follows=True))
    return Customer(shop, member_id, person, *users)


def unfollows(customer: Customer) -> None:
    """取消关注, as the push has told us."""
    with transaction(), tenancy.acting_for(customer.shop.merchant_id):
        db.session.execute(
            update(Identity)
            .where(Identity.wechat_user_id == customer.oa_user)
            .values(unfollowed_at=clock.now())
        )


def has_template(
    shop: Shop,
    channel: Channel,
    *,
    purpose: Purpose = Purpose.COUPON_RECEIVED,
    fields: dict[str, JsonValue] | None = None,
    page: str = "",
) -> None:
    """消息模板 of one purpose on one channel."""
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.add(
            MessageTemplate(
                purpose=purpose,
                channel=channel,
                app_id=shop.mini if channel is Channel.SUBSCRIBE else shop.oa,
                template_id=TPL,
                page=page,
                fields=fields or {"thing1": "title", "time2": "valid_to"},
            )
        )


def has_rules(shop: Shop, **rules: JsonValue) -> None:
    """消息设置."""
    with transaction():
        db.session.execute(
            update(Merchant).where(Merchant.id == shop.merchant_id).values(message_rules=rules)
        )


def accepts(wechat: Platform, customer: Customer, *, times: int = 1) -> None:
    """The customer taps accept; both the platform and the product know."""
    deliver, wechat.deliver = wechat.deliver, lambda *_: (200, b"")
    wechat.accept(customer.person, customer.shop.mini, TPL, times=times)
    wechat.deliver = deliver
    only_the_product_knows(customer, times=times)


def only_the_product_knows(customer: Customer, *, times: int = 1) -> None:
    """A consent WeChat does not have (any more)."""
    for tap in range(times):
        consents.report(
            customer.mini_user, {TPL: "accept"}, road=Road.CLIENT, cause=f"t{tap}", now=clock.now()
        )


def queue(
    customer: Customer,
    *,
    purpose: Purpose = Purpose.COUPON_RECEIVED,
    key: str = "m1",
    facts: dict[str, JsonValue] | None = None,
    lasts: timedelta = timedelta(hours=24),
) -> int:
    """A message for the customer, due now."""
    with tenancy.acting_for(customer.shop.merchant_id):
        outbox.queue(
            customer.member_id,
            purpose,
            FACTS if facts is None else facts,
            dedupe_key=key,
            now=clock.now(),
            lasts=lasts,
        )
        return db.session.scalars(select(Intent.id).where(Intent.dedupe_key == key)).one()


def intent(shop: Shop, intent_id: int) -> Intent:
    """The message's row as it is now."""
    reread()
    with tenancy.acting_for(shop.merchant_id):
        found = tenancy.find(Intent, intent_id)
        assert found is not None
        return found


def attempts(shop: Shop, intent_id: int) -> list[tuple[str, str, str]]:
    """Channel, outcome and code of every try."""
    reread()
    with tenancy.acting_for(shop.merchant_id):
        rows = db.session.scalars(
            select(Attempt).where(Attempt.intent_id == intent_id).order_by(Attempt.id)
        )
        return [(row.channel, row.outcome, row.code) for row in rows]


def consents_left(customer: Customer) -> int:
    """What the ledger says the customer has still accepted."""
    reread()
    left = select(Consent.remaining).where(Consent.wechat_user_id == customer.mini_user)
    return db.session.scalar(left) or 0


def machine_moves(shop: Shop, intent_id: int, by: timedelta) -> None:
    """As if so much machine time had passed for this row's lease and pause."""
    with transaction(), tenancy.acting_for(shop.merchant_id):
        row = tenancy.find(Intent, intent_id)
        assert row is not None
        row.retry_at = row.retry_at and row.retry_at - by
        row.lease_until = row.lease_until and row.lease_until - by


def pause_left(row: Intent, now: datetime) -> timedelta:
    """How long the row still waits for its next try."""
    assert row.retry_at is not None
    return row.retry_at - now
