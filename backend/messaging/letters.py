"""信: a message written for each channel that is open to it, and handed to WeChat."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from backend.merchants.models import Merchant
from backend.messaging import addresses, compose, policy
from backend.messaging.addresses import Address, Addresses
from backend.messaging.models import Channel, Purpose
from backend.messaging.outbox import THROUGH
from backend.messaging.policy import Rules
from backend.wechat import accounts, notices
from backend.wechat.notices import Sent


@dataclass(frozen=True)
class Letter:
    """The message as one channel takes it."""

    channel: Channel
    address: Address
    template_id: str = ""
    page: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    miniprogram: str | None = None


@dataclass(frozen=True)
class Written:
    """Letters in the order to try them; or until when to wait, or why there is none."""

    letters: tuple[Letter, ...] = ()
    hold_until: datetime | None = None
    reason: str = ""


def write(
    member_id: int,
    purpose: Purpose,
    facts: Mapping[str, JsonValue],
    *,
    merchant: Merchant,
    queued_at: datetime,
    now: datetime,
) -> Written:
    """What may go to this member by the merchant's rules, ready to send."""
    zone = ZoneInfo(merchant.zone)
    through = str(facts.get(THROUGH, ""))
    reachable = addresses.of(member_id, purpose, merchant=merchant, through=through, now=now)
    rules = Rules.read(merchant.message_rules)
    verdict = policy.decide(purpose, rules, reachable.reach, zone=zone, now=now)
    known = {"merchant": merchant.name, "store": merchant.name, "time": queued_at.isoformat()}
    said = {**known, **facts}
    return Written(
        tuple(
            _letter(channel, purpose, reachable, said, merchant_id=merchant.id, zone=zone)
            for channel in verdict.channels
        ),
        verdict.hold_until,
        verdict.reason,
    )


def send(letter: Letter, *, key: str) -> Sent:
    """Hand it to WeChat, once; outside any transaction. ``key`` names it where WeChat can tell."""
    app, openid = letter.address.app, letter.address.openid
    match letter.channel:
        case Channel.SUBSCRIBE:
            return notices.send_subscribe(
                app,
                openid,
                template_id=letter.template_id,
                values=letter.values,
                page=letter.page,
            )
        case Channel.TEMPLATE:
            return notices.send_template(
                app,
                openid,
                template_id=letter.template_id,
                values=letter.values,
                page=letter.page,
                client_msg_id=key,
                miniprogram=letter.miniprogram,
            )
        case Channel.CUSTOM:
            return notices.send_text(app, openid, letter.text)
        case Channel.SMS:
            raise NotImplementedError("policy opens no SMS")


def _letter(
    channel: Channel,
    purpose: Purpose,
    reachable: Addresses,
    facts: Mapping[str, JsonValue],
    *,
    merchant_id: int,
    zone: ZoneInfo,
) -> Letter:
    address = reachable.by_channel[channel]
    if channel is Channel.CUSTOM:
        return Letter(channel, address, text=compose.text(purpose, facts, zone=zone))
    template = reachable.templates[channel]
    mini = accounts.miniprogram_of(merchant_id) if channel is Channel.TEMPLATE else None
    return Letter(
        channel,
        address,
        template_id=template.template_id,
        page=template.page,
        values=compose.fields(
            {name: str(fact) for name, fact in template.fields.items()}, facts, zone=zone
        ),
        miniprogram=mini.app_id if mini and template.page else None,
    )
