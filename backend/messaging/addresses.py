"""收信地址: where one member can be reached for one purpose, read in a few statements."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from backend import tenancy
from backend.calendar import day_of, week_of
from backend.database import db
from backend.members.models import Identity, WechatUser
from backend.merchants import subscription
from backend.merchants.models import Merchant
from backend.messaging.models import (
    Channel,
    Consent,
    Intent,
    IntentState,
    MessageTemplate,
    OptOut,
    Purpose,
)
from backend.messaging.policy import MARKETING, Reach
from backend.wechat.models import AppKind, WechatApp


@dataclass(frozen=True)
class Address:
    """One WeChat identity of the member on one app."""

    app: WechatApp
    openid: str
    wechat_user_id: int
    follows: bool
    interacted_at: datetime | None


@dataclass(frozen=True)
class Addresses:
    """Everything the policy and the sender need."""

    reach: Reach
    templates: dict[Channel, MessageTemplate]
    by_app: dict[str, Address]
    official: Address | None

    def for_channel(self, channel: Channel) -> Address | None:
        """Whom to write to on this channel."""
        if channel is Channel.CUSTOM:
            return self.official
        return self.by_app.get(self.templates[channel].app_id)


def of(member_id: int, purpose: Purpose, *, merchant: Merchant, now: datetime) -> Addresses:
    """The member's roads for this purpose at this instant."""
    zone = ZoneInfo(merchant.zone)
    templates = {
        Channel(row.channel): row
        for row in db.session.scalars(
            select(MessageTemplate).where(
                MessageTemplate.purpose == purpose, MessageTemplate.active
            )
        )
    }
    by_app = _addresses(member_id)
    official = next(
        (a for a in by_app.values() if a.app.kind == AppKind.OFFICIAL_ACCOUNT and a.follows), None
    )
    subscribe = templates.get(Channel.SUBSCRIBE)
    mini = by_app.get(subscribe.app_id) if subscribe else None
    template = templates.get(Channel.TEMPLATE)
    follower = by_app.get(template.app_id) if template else official
    reach = Reach(
        subscribed=subscription.is_subscribed(merchant.id, on=day_of(now, zone)),
        templates=frozenset(templates),
        consents=_consents_left(mini, subscribe),
        has_miniprogram=mini is not None,
        follows=bool(follower and follower.follows),
        interacted_at=official.interacted_at if official else None,
        opted_out=purpose in MARKETING and _opted_out(member_id),
        marketing_this_week=_marketing_since(member_id, week_of(now, zone).start)
        if purpose in MARKETING
        else 0,
    )
    return Addresses(reach, templates, by_app, official)


def _addresses(member_id: int) -> dict[str, Address]:
    rows = db.session.execute(
        select(WechatApp, WechatUser.openid, Identity)
        .join(WechatUser, WechatUser.id == Identity.wechat_user_id)
        .join(WechatApp, WechatApp.app_id == WechatUser.app_id)
        .where(Identity.member_id == member_id)
        .order_by(Identity.id)
    )
    return {
        app.app_id: Address(
            app=app,
            openid=openid,
            wechat_user_id=identity.wechat_user_id,
            follows=identity.followed_at is not None and identity.unfollowed_at is None,
            interacted_at=identity.interacted_at,
        )
        for app, openid, identity in rows
    }


def _consents_left(address: Address | None, template: MessageTemplate | None) -> int:
    if address is None or template is None:
        return 0
    left = db.session.scalar(
        select(Consent.remaining).where(
            Consent.wechat_user_id == address.wechat_user_id,
            Consent.template_id == template.template_id,
        )
    )
    return left or 0


def _opted_out(member_id: int) -> bool:
    return bool(db.session.scalar(select(OptOut.id).where(OptOut.member_id == member_id)))


def _marketing_since(member_id: int, since: datetime) -> int:
    return (
        db.session.scalar(
            select(func.count(Intent.id)).where(
                Intent.merchant_id == tenancy.merchant_id(),
                Intent.member_id == member_id,
                Intent.purpose.in_(MARKETING),
                Intent.state.in_((IntentState.SENT, IntentState.UNKNOWN)),
                Intent.sent_at >= since,
            )
        )
        or 0
    )
