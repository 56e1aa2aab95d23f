"""渠道: what a message channel is asked: is it open, what is written, how it leaves, what is used.

Behind ``CHANNELS``; policy keeps the order, delivery the states, neither knows one channel.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from backend.messaging.models import Channel, MessageTemplate, Outcome, Purpose
from backend.wechat.models import AppKind, WechatApp
from backend.wechat.notices import Sent


@dataclass(frozen=True)
class Address:
    """One WeChat identity of the member on one app."""

    app: WechatApp
    app_id: str
    openid: str
    wechat_user_id: int
    followed_at: datetime | None
    interacted_at: datetime | None


@dataclass(frozen=True)
class Reach:
    """How this person can be reached now, for this purpose. ``channels``: an address is known
    there, and a template where the channel needs one; ``subscribed``: 营销包年."""

    subscribed: bool
    channels: frozenset[Channel]
    consents: int = 0
    interacted_at: datetime | None = None
    followed_at: datetime | None = None
    opted_out: bool = False
    marketing_this_week: int = 0


@dataclass(frozen=True)
class Message:
    """What is to be said: ``facts`` by name, instants in ``zone``."""

    merchant_id: int
    purpose: Purpose
    facts: Mapping[str, JsonValue]
    zone: ZoneInfo


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


class MessageChannel(ABC):
    """One way to write to a person."""

    channel: Channel
    app_kind: AppKind
    """Whose followers or users it writes to."""
    needs_template: bool = True

    @abstractmethod
    def is_open(self, purpose: Purpose, reach: Reach, now: datetime) -> bool:
        """Whether it may be used for this, of somebody it has an address of. Pure."""

    @abstractmethod
    def write(self, message: Message, address: Address, template: MessageTemplate | None) -> Letter:
        """The message in this channel's form."""

    @abstractmethod
    def send(self, letter: Letter, *, key: str) -> Sent:
        """Hand it over, once; outside any transaction. ``key`` names it where WeChat can tell."""

    def take(self, letter: Letter, *, cause: str, now: datetime) -> bool:
        """Use up what one letter needs, in the transaction that says it is sent; False: none."""
        return True

    def settle(
        self, letter: Letter, outcome: Outcome, code: str, *, cause: str, now: datetime
    ) -> None:
        """What becomes of what was taken, once the outcome is known."""
        return
