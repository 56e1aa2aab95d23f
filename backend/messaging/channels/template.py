"""公众号模板消息: to followers, never for marketing, which WeChat forbids it."""

from datetime import datetime

from backend.messaging import compose
from backend.messaging.channels.channel import Address, Letter, Message, MessageChannel, Reach
from backend.messaging.models import MARKETING, Channel, MessageTemplate, Purpose
from backend.wechat import accounts, notices
from backend.wechat.models import AppKind
from backend.wechat.notices import Sent


class Template(MessageChannel):
    """公众号模板消息."""

    channel = Channel.TEMPLATE
    app_kind = AppKind.OFFICIAL_ACCOUNT

    def is_open(self, purpose: Purpose, reach: Reach, now: datetime) -> bool:
        return purpose not in MARKETING

    def write(self, message: Message, address: Address, template: MessageTemplate | None) -> Letter:
        """Its page opens in the merchant's mini-program, where there is one."""
        assert template is not None
        mini = accounts.miniprogram_of(message.merchant_id)
        return Letter(
            self.channel,
            address,
            template_id=template.template_id,
            page=template.page,
            values=compose.fields(template.fields, message.facts, zone=message.zone),
            miniprogram=mini.app_id if mini and template.page else None,
        )

    def send(self, letter: Letter, *, key: str) -> Sent:
        return notices.send_template(
            letter.address.app,
            letter.address.openid,
            template_id=letter.template_id,
            values=letter.values,
            page=letter.page,
            client_msg_id=key,
            miniprogram=letter.miniprogram,
        )
