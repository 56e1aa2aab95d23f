"""积分类活动 at the desk: listed and shown in Chinese; kept in the set-up file, not in a form."""

import pytest
from flask import Flask
from pydantic import JsonValue

from backend import clock, tenancy
from backend.campaigns import kinds, lifecycle
from backend.campaigns.lifecycle import CampaignDraft
from backend.campaigns.models import CampaignKind
from tests.admin.desk import at_desk
from tests.builders import a_shop


@pytest.mark.parametrize(
    ("kind", "settings", "label"),
    [
        (CampaignKind.REGISTRATION_POINTS, {"points": 50}, "注册送积分"),
        (CampaignKind.CONSUMPTION_POINTS, {"per_fen": 100, "points": 1}, "消费送积分"),
        (CampaignKind.HOLIDAY_POINTS, {"weekdays": [3], "multiple": 2}, "节假日多倍积分"),
        (CampaignKind.MANUAL_POINTS, {"add": True, "subtract": True}, "手动增减积分"),
    ],
)
def test_a_points_campaign_is_shown_and_not_edited_here(
    app: Flask, kind: CampaignKind, settings: dict[str, JsonValue], label: str
) -> None:
    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id):
        campaign = lifecycle.save(
            CampaignDraft(
                code="p", kind=kind, name="积分活动", settings=kinds.parse(kind, settings)
            ),
            now=clock.now(),
        )
        lifecycle.start(campaign.id, now=clock.now())
    visitor = at_desk(app, shop)
    assert label in visitor.read("/admin/campaigns/")
    details = visitor.read(f"/admin/campaigns/details/?id={campaign.id}")
    assert label in details
    assert "编辑" not in details
    refused = visitor.open(f"/admin/campaigns/edit/?id={campaign.id}")
    assert refused.status_code == 409
    assert f"{label}在设置文件中维护" in refused.get_data(as_text=True)
