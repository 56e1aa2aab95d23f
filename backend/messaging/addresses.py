"""收信地址: where one member can be reached for one purpose, read in a few statements."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from backend import tenancy
from backend.calendar import day_of, week_of
from backend.database import db
from backend.members.models import Identity, WechatUser
from backend.members.queries import ids_of
from backend.merchants import subscription
from backend.merchants.models import Merchant
from backend.messaging.channels import CHANNELS
from backend.messaging.channels.channel import Address, Reach
from backend.messaging.models import (
    MARKETING,
    Channel,
    Consent,
    Intent,
    IntentState,
    MessageTemplate,
    OptOut,
    Purpose,
)
from backend.wechat import accounts
from backend.wechat.models import AppKind, WechatApp


@dataclass(frozen=True)
class Addresses:
    """Everything the policy and the sender need."""

    reach: Reach
    templates: dict[Channel, MessageTemplate]
    by_channel: dict[Channel, Address]


def of(
    member_id: int,
    purpose: Purpose,
    *,
    merchant: Merchant,
    through: str = "",
    now: datetime,
) -> Addresses:
    """The member's roads for this purpose at this instant, under all ids the person has here.

    ``through``: by this app alone, as long as it reaches them.
    """
    zone = ZoneInfo(merchant.zone)
    member_ids = ids_of(member_id)
    known = _addresses(member_ids)
    templates = _templates(purpose, merchant.id, through)
    by_channel = _by_channel(
        [address for address in known if address.app_id == through], templates, merchant.id
    )
    if not by_channel:
        templates = _templates(purpose, merchant.id)
        by_channel = _by_channel(known, templates, merchant.id)
    mini, official = by_channel.get(Channel.SUBSCRIBE), by_channel.get(Channel.CUSTOM)
    marketing = purpose in MARKETING
    reach = Reach(
        subscribed=subscription.is_subscribed(merchant.id, on=day_of(now, zone)),
        channels=frozenset(by_channel),
        consents=_consents_left(mini, templates.get(Channel.SUBSCRIBE)),
        interacted_at=official.interacted_at if official else None,
        followed_at=official.followed_at if official else None,
        opted_out=marketing and _opted_out(member_ids),
        marketing_this_week=_marketing_since(member_ids, week_of(now, zone).start)
        if marketing
        else 0,
    )
    return Addresses(reach, templates, by_channel)


def _templates(
    purpose: Purpose, merchant_id: int, through: str = ""
) -> dict[Channel, MessageTemplate]:
    """One per channel: of the app that is asked for, else of the merchant's own, else any."""
    rows = db.session.scalars(
        select(MessageTemplate)
        .where(MessageTemplate.purpose == purpose, MessageTemplate.active)
        .order_by(MessageTemplate.id.desc())
    ).all()
    found: dict[Channel, MessageTemplate] = {}
    several = len({row.channel for row in rows}) < len(rows)
    for row in (
        sorted(rows, key=lambda row: _nearness(row, merchant_id, through)) if several else rows
    ):
        found[Channel(row.channel)] = row
    return found


def _nearness(template: MessageTemplate, merchant_id: int, through: str) -> int:
    if through:
        return int(template.app_id == through)
    return int(template.app_id in ("", _own_app(template, merchant_id)))


def _addresses(member_ids: list[int]) -> list[Address]:
    rows = db.session.execute(
        select(WechatApp, WechatUser.openid, Identity)
        .join(WechatUser, WechatUser.app_id == WechatApp.app_id)
        .join(Identity, Identity.wechat_user_id == WechatUser.id)
        .where(Identity.member_id.in_(member_ids))
        .order_by(Identity.id)
    )
    return [
        Address(
            app=app,
            app_id=app.app_id,
            openid=openid,
            wechat_user_id=identity.wechat_user_id,
            followed_at=None if identity.unfollowed_at else identity.followed_at,
            interacted_at=identity.interacted_at,
        )
        for app, openid, identity in rows
    ]


def _by_channel(
    known: list[Address], templates: dict[Channel, MessageTemplate], merchant_id: int
) -> dict[Channel, Address]:
    """Whom to write to on each channel; a template without an app is of the merchant's own."""
    found: dict[Channel, Address] = {}
    for address in known:
        official = address.app.kind == AppKind.OFFICIAL_ACCOUNT
        if official and address.followed_at is None:
            continue
        for channel, way in CHANNELS.items():
            if way.app_kind != address.app.kind:
                continue
            if not way.needs_template:
                found.setdefault(channel, address)
            elif channel in templates and address.app_id == _app_id(
                templates[channel], merchant_id
            ):
                found[channel] = address
    return found


def _app_id(template: MessageTemplate, merchant_id: int) -> str:
    return template.app_id or _own_app(template, merchant_id)


def _own_app(template: MessageTemplate, merchant_id: int) -> str:
    way = CHANNELS.get(Channel(template.channel))
    official = way is not None and way.app_kind == AppKind.OFFICIAL_ACCOUNT
    of = accounts.official_account_of if official else accounts.miniprogram_of
    app = of(merchant_id)
    return app.app_id if app else ""


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


def _opted_out(member_ids: list[int]) -> bool:
    asked = select(OptOut.id).where(OptOut.member_id.in_(member_ids)).limit(1)
    return bool(db.session.scalar(asked))


def _marketing_since(member_ids: list[int], since: datetime) -> int:
    """Marketing of this week that reached them, may have, or is on its way."""
    return (
        db.session.scalar(
            select(func.count(Intent.id)).where(
                Intent.merchant_id == tenancy.merchant_id(),
                Intent.member_id.in_(member_ids),
                Intent.purpose.in_(MARKETING),
                Intent.state.in_((IntentState.SENT, IntentState.UNKNOWN, IntentState.SENDING)),
                Intent.sent_at >= since,
            )
        )
        or 0
    )
