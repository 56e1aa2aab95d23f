"""手动增减积分 by a cashier where switched on (S2-17), or by staff; always with a reason."""

import secrets
from datetime import datetime

from backend import faults
from backend.campaigns.kinds.manual_points import ManualPoints
from backend.campaigns.models import Campaign, CampaignKind
from backend.campaigns.running import running
from backend.database import after_commit, transactional
from backend.points import ledger
from backend.points.account import Entry
from backend.points.errors import ManualPointsOff
from backend.points.notices import tell_changed


def switches(*, now: datetime) -> ManualPoints:
    """What tills may do now; nothing while the campaign does not run."""
    for campaign in running(CampaignKind.MANUAL_POINTS, at=now):
        return switches_of(campaign)
    return ManualPoints()


def switches_of(campaign: Campaign) -> ManualPoints:
    """What a 手动增减积分 campaign lets tills do while it runs."""
    return ManualPoints.read(campaign.settings)


@transactional
def adjust_by_hand(
    member_id: int, points: int, *, reason: str, actor: str, now: datetime
) -> Entry | None:
    """手动增减. Each call is one of its own; a till repeats it under its Idempotency-Key.
    ManualPointsOff where the merchant has not switched it on."""
    allowed = switches(now=now)
    if not (allowed.add if points > 0 else allowed.subtract):
        raise ManualPointsOff(direction="增加" if points > 0 else "扣减")
    return adjust_by_staff(member_id, points, reason=reason, actor=actor, now=now)


@transactional
def adjust_by_staff(
    member_id: int, points: int, *, reason: str, actor: str, now: datetime
) -> Entry | None:
    """手动增减 by somebody whose role allows it; the member is told. None for no points."""
    cause = f"manual-{secrets.token_hex(16)}"
    entry = ledger.adjust(member_id, points, cause=cause, reason=reason, actor=actor, now=now)
    if entry is not None:
        tell_changed(entry, title="积分调整", remark=reason, now=now)
    after_commit(lambda: faults.point("manual_points.after_commit"))
    faults.point("manual_points.before_commit")
    return entry
