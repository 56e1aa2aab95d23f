"""活动 that a settled bill meets: 积分 and 会员消费送优惠券, read once for all of them."""

from dataclasses import dataclass
from datetime import date, datetime

from pydantic import JsonValue
from sqlalchemy import bindparam, or_, select

from backend import tenancy
from backend.campaigns.models import Campaign, CampaignKind, CampaignRun, CampaignState
from backend.database import UtcDateTime, db, table_of
from backend.known import asked_once

_campaigns, _runs = table_of(Campaign), table_of(CampaignRun)
_KINDS = (
    CampaignKind.CONSUMPTION_POINTS,
    CampaignKind.HOLIDAY_POINTS,
    CampaignKind.CONSUMPTION_GIFT,
)
_AT = bindparam("at", type_=UtcDateTime())
_RAN = (
    select(_runs.c.id)
    .where(
        _runs.c.campaign_id == _campaigns.c.id,
        _runs.c.merchant_id == bindparam("merchant"),
        _runs.c.started_at <= _AT,
        or_(_runs.c.stopped_at.is_(None), _runs.c.stopped_at > _AT),
    )
    .exists()
)


@dataclass(frozen=True)
class Met:
    """A campaign as it stands: what it says, and when, where and how often."""

    id: int
    kind: str
    name: str
    settings: dict[str, JsonValue]
    state: str
    stores: list[JsonValue] | None
    starts_on: date | None
    ends_on: date | None
    budget_total: int | None
    budget_per_day: int | None


_MET = (
    select(*(_campaigns.c[name] for name in Met.__dataclass_fields__))
    .where(
        _campaigns.c.merchant_id == bindparam("merchant"),
        _campaigns.c.kind.in_(_KINDS),
        or_(_campaigns.c.state == CampaignState.RUNNING, _RAN),
    )
    .order_by(_campaigns.c.id)
)


def met(*, at: datetime) -> list[Met]:
    """Those that run now, or ran at that time."""
    asked = {"merchant": tenancy.merchant_id(), "at": at}
    return asked_once(
        ("met", *asked.values()),
        lambda: [Met(*row) for row in db.session.connection().execute(_MET, asked)],
    )
