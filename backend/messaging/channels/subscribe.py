"""订阅消息: of the mini-program, one consent each (R-16)."""

from datetime import datetime

from backend.messaging import compose, consents
from backend.messaging.channels.channel import Address, Letter, Message, MessageChannel, Reach
from backend.messaging.models import Channel, MessageTemplate, Outcome, Purpose
from backend.wechat import notices
from backend.wechat.models import AppKind
from backend.wechat.notices import Sent

NONE_ACCEPTED = "43101"
"""WeChat's code for: this person has accepted no such message."""


class Subscribe(MessageChannel):
    """订阅消息."""

    channel = Channel.SUBSCRIBE
    app_kind = AppKind.MINIPROGRAM

    def is_open(self, purpose: Purpose, reach: Reach, now: datetime) -> bool:
        return reach.consents > 0

    def write(self, message: Message, address: Address, template: MessageTemplate | None) -> Letter:
        assert template is not None
        return Letter(
            self.channel,
            address,
            template_id=template.template_id,
            page=template.page,
            values=compose.fields(template.fields, message.facts, zone=message.zone),
        )

    def send(self, letter: Letter, *, key: str) -> Sent:
        return notices.send_subscribe(
            letter.address.app,
            letter.address.openid,
            template_id=letter.template_id,
            values=letter.values,
            page=letter.page,
        )

    def take(self, letter: Letter, *, cause: str, now: datetime) -> bool:
        user = letter.address.wechat_user_id
        return consents.take(user, letter.template_id, cause=cause, now=now)

    def settle(
        self, letter: Letter, outcome: Outcome, code: str, *, cause: str, now: datetime
    ) -> None:
        """A consent is used by what WeChat took, or may have taken; 43101: there is none."""
        whose = (letter.address.wechat_user_id, letter.template_id)
        if code == NONE_ACCEPTED:
            consents.none_left(*whose, cause=f"{cause}-none", now=now)
        elif outcome in (Outcome.RETRY, Outcome.REFUSED, Outcome.UNREACHABLE):
            consents.give_back(*whose, cause=f"{cause}-back", now=now)
