"""谁得到: for a campaign and an instant, every member it means and why one of them is passed over.

One expression, written once: the wave inserts from it, the preview counts it, "why" filters it.
"""

from datetime import datetime

from backend.campaigns.crowd import IdRange, PartCrowd, scene
from backend.campaigns.models import Campaign
from backend.campaigns.programmes import programme_of
from backend.campaigns.queries import Calendar


def crowds(
    campaign: Campaign,
    *,
    calendar: Calendar,
    ids: IdRange,
    at: datetime,
    as_of_then: bool = False,
) -> list[PartCrowd]:
    """The parts of a campaign that can give something now, and whom each means.

    ``as_of_then`` leaves out what was granted or claimed after ``at``: for looking back.
    """
    programme = programme_of(campaign.kind)
    if programme.waves is None:
        return []
    meant = scene(campaign, calendar=calendar, ids=ids, at=at, as_of_then=as_of_then)
    return programme.waves.crowd(programme.settings_of(campaign), meant)
