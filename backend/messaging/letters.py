"""信: a message written for each channel that is open to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from backend.merchants.models import Merchant
from backend.messaging import addresses, policy
from backend.messaging.channels import CHANNELS
from backend.messaging.channels.channel import Letter, Message
from backend.messaging.models import Purpose
from backend.messaging.outbox import THROUGH
from backend.messaging.settings import MessageSettings


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
    rules = MessageSettings.stored(merchant.message_rules)
    verdict = policy.decide(purpose, rules, reachable.reach, zone=zone, now=now)
    known = {"merchant": merchant.name, "store": merchant.name, "time": queued_at.isoformat()}
    message = Message(merchant.id, purpose, {**known, **facts}, zone)
    return Written(
        tuple(
            CHANNELS[channel].write(
                message, reachable.by_channel[channel], reachable.templates.get(channel)
            )
            for channel in verdict.channels
        ),
        verdict.hold_until,
        verdict.reason,
    )
