"""Every channel is one object; what is not built yet is named."""

from backend.messaging.channels import CHANNELS, through
from backend.messaging.models import Channel
from backend.wechat.models import AppKind

NOT_YET = {Channel.SMS}


def test_every_channel_has_its_object_in_the_order_in_which_it_is_tried() -> None:
    assert list(CHANNELS) == [channel for channel in Channel if channel not in NOT_YET]
    assert all(each.channel == name for name, each in CHANNELS.items())


def test_an_app_sends_templates_by_one_channel() -> None:
    assert through(AppKind.MINIPROGRAM, by_template=True).channel is Channel.SUBSCRIBE
    assert through(AppKind.OFFICIAL_ACCOUNT, by_template=True).channel is Channel.TEMPLATE
    assert through(AppKind.OFFICIAL_ACCOUNT, by_template=False).channel is Channel.CUSTOM
