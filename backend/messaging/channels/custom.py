"""公众号客服消息: plain text to a follower, shortly after they were in touch."""

from datetime import datetime, timedelta

from backend.messaging import compose
from backend.messaging.channels.channel import Address, Letter, Message, MessageChannel, Reach
from backend.messaging.models import Channel, MessageTemplate, Purpose
from backend.wechat import notices
from backend.wechat.models import AppKind
from backend.wechat.notices import Sent

REPLY_WINDOW = timedelta(hours=48)
WELCOME_WINDOW = timedelta(minutes=1)
"""After the person was in touch, and after they followed."""


class Custom(MessageChannel):
    """公众号客服消息."""

    channel = Channel.CUSTOM
    app_kind = AppKind.OFFICIAL_ACCOUNT
    needs_template = False

    def is_open(self, purpose: Purpose, reach: Reach, now: datetime) -> bool:
        return _within(REPLY_WINDOW, reach.interacted_at, now) or _within(
            WELCOME_WINDOW, reach.followed_at, now
        )

    def write(self, message: Message, address: Address, template: MessageTemplate | None) -> Letter:
        text = compose.text(message.purpose, message.facts, zone=message.zone)
        return Letter(self.channel, address, text=text)

    def send(self, letter: Letter, *, key: str) -> Sent:
        return notices.send_text(letter.address.app, letter.address.openid, letter.text)


def _within(window: timedelta, since: datetime | None, now: datetime) -> bool:
    return since is not None and now - since < window
