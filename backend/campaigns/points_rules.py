"""积分活动的限制: one rule of a kind per merchant (S2-19), levels named as they are called."""

from sqlalchemy import select

from backend.campaigns import kinds
from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds import PointsSettings
from backend.campaigns.models import Campaign, CampaignState
from backend.database import db
from backend.errors import FieldError
from backend.members.models import MemberLevel


def refuse_wrong(campaign: Campaign, settings: PointsSettings) -> None:
    """CampaignInvalid for a second rule of its kind, or a level that is not there."""
    another = select(Campaign.code).where(
        Campaign.kind == campaign.kind,
        Campaign.id != campaign.id,
        Campaign.state != CampaignState.ENDED,
    )
    if kinds.is_one_only(campaign.kind) and (code := db.session.scalar(another.limit(1))):
        words = f"已有{kinds.label(campaign.kind)}活动 {code}，请修改它"
        raise CampaignInvalid(errors=[FieldError(field="kind", message=words)])
    known = set(db.session.scalars(select(MemberLevel.name)))
    if unknown := sorted(settings.level_names - known):
        words = f"没有会员等级{'、'.join(unknown)}"
        raise CampaignInvalid(errors=[FieldError(field=settings.levels_stand_in, message=words)])
