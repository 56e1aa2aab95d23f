"""活动种类: one object each, behind ``PROGRAMMES``. To add a kind: docs/architecture.md."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.settings import CampaignSettings
from backend.campaigns.programmes.class_marketing import CLASS_MARKETING
from backend.campaigns.programmes.consumption_gift import CONSUMPTION_GIFT
from backend.campaigns.programmes.mall_voucher import MALL_VOUCHER
from backend.campaigns.programmes.periodic import PERIODIC
from backend.campaigns.programmes.points import (
    CONSUMPTION_POINTS,
    HOLIDAY_POINTS,
    MANUAL_POINTS,
    REGISTRATION_POINTS,
)
from backend.campaigns.programmes.points_exchange import POINTS_EXCHANGE
from backend.campaigns.programmes.programme import Programme
from backend.errors import FieldError

PROGRAMMES: Mapping[str, Programme[Any]] = {
    programme.kind: programme
    for programme in (
        CLASS_MARKETING,
        PERIODIC,
        CONSUMPTION_GIFT,
        POINTS_EXCHANGE,
        MALL_VOUCHER,
        REGISTRATION_POINTS,
        CONSUMPTION_POINTS,
        HOLIDAY_POINTS,
        MANUAL_POINTS,
    )
}
"""Every kind, in the order in which waves of the same minute run."""

WAVE_KINDS = tuple(each.kind for each in PROGRAMMES.values() if each.waves is not None)
"""Kinds that run in waves, in that order."""


def programme_of(kind: str) -> Programme[Any]:
    """The kind's object; CampaignInvalid where there is no such kind."""
    if kind not in PROGRAMMES:
        raise CampaignInvalid(errors=[FieldError(field="kind", message="没有这种活动")])
    return PROGRAMMES[kind]


def parse(kind: str, said: Mapping[str, JsonValue]) -> CampaignSettings:
    """The settings of a kind as stored or sent; CampaignInvalid names what is wrong."""
    settings: CampaignSettings = programme_of(kind).settings.read(said)
    return settings
