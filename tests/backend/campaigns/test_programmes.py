"""Every kind of campaign is one object, and the enum's members are all of them."""

from datetime import timedelta

import pytest
from flask import Flask

from backend import tenancy
from backend.campaigns import why
from backend.campaigns.models import CampaignKind
from backend.campaigns.programmes import PROGRAMMES, WAVE_KINDS
from tests.backend.campaigns.plans import a_campaign
from tests.builders import a_member, a_shop
from tests.conftest import StillClock


def test_every_kind_has_its_object_and_its_own_name() -> None:
    assert set(PROGRAMMES) == set(CampaignKind)
    assert len({each.label for each in PROGRAMMES.values()}) == len(PROGRAMMES)
    assert len({each.settings for each in PROGRAMMES.values()}) == len(PROGRAMMES)


def test_class_marketing_goes_first_among_the_kinds_with_waves() -> None:
    assert WAVE_KINDS == (CampaignKind.CLASS_MARKETING, CampaignKind.PERIODIC)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("registration_points", {"points": 5}), ("manual_points", {"add": True})],
)
def test_why_says_that_a_kind_gives_nothing_in_waves(
    app: Flask, clock: StillClock, kind: str, settings: dict[str, object]
) -> None:
    shop = a_shop()
    member = a_member(shop)
    a_campaign(shop, "rule", kind, settings)  # type: ignore[arg-type]
    with tenancy.acting_for(shop.merchant_id):
        answer = why.why(member, "rule", at=clock.at + timedelta(days=1))
    assert (answer.granted, answer.reason) == (False, "not_in_waves")
    assert "不按批次发券" in answer.text
