"""渠道: one object each, behind ``CHANNELS``, in the order in which they are tried."""

from collections.abc import Mapping

from backend.messaging.channels.channel import MessageChannel
from backend.messaging.channels.custom import Custom
from backend.messaging.channels.subscribe import Subscribe
from backend.messaging.channels.template import Template
from backend.messaging.models import Channel

CHANNELS: Mapping[Channel, MessageChannel] = {
    each.channel: each for each in (Subscribe(), Template(), Custom())
}


def through(app_kind: str, *, by_template: bool) -> MessageChannel:
    """The channel of an app of this kind that sends templates, or that needs none."""
    return next(
        each
        for each in CHANNELS.values()
        if each.app_kind == app_kind and each.needs_template == by_template
    )
