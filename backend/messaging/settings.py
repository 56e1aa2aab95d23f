"""消息设置 of a merchant, with the only defaults and bounds (``merchants/settings.py``)."""

from datetime import time
from typing import Annotated

from pydantic import Field, StringConstraints

from backend.merchants.settings import Part, Settings
from backend.messaging.models import Channel, Purpose

TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class ExpiringReminder(Part):
    """到期提醒 of coupons that are not 票券营销's: a switch, and how many days before."""

    days: int = Field(default=3, ge=1, le=90)
    on: bool = False


class MessageSettings(Settings):
    """消息规则: 免打扰, marketing messages a week, the channels to try per purpose, 到期提醒."""

    name = "message_rules"
    quiet: Annotated[tuple[TimeOfDay, ...], Field(min_length=2, max_length=2)] = ("21:30", "08:30")
    weekly_cap: int = Field(default=3, ge=0, le=100)
    order: dict[Purpose, tuple[Channel, ...]] = {}
    expiring: ExpiringReminder = ExpiringReminder()

    @property
    def quiet_hours(self) -> tuple[time, time]:
        """免打扰: from, until."""
        begins, ends = self.quiet
        return time.fromisoformat(begins), time.fromisoformat(ends)
