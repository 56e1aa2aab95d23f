"""兑换未领取: a code not scanned in time gives its points back, once, as old as they were."""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import select

from backend import tenancy
from backend.campaigns import link_end
from backend.campaigns.models import ClaimLink, ClaimLinkKind
from backend.database import db, table_of, transactional
from backend.points import ledger
from backend.points.notices import tell_changed
from backend.points.owed import collected

_links = table_of(ClaimLink)


def give_back_all(now: datetime) -> int:
    """Every exchange whose window is over, at every merchant; how many."""
    found = defaultdict(list)
    for merchant_id, link_id in link_end.overdue(ClaimLinkKind.EXCHANGE, now=now):
        found[merchant_id].append(link_id)
    given = 0
    for merchant_id, link_ids in found.items():
        with tenancy.acting_for(merchant_id):
            given += sum(give_back(link_id, now=now) for link_id in link_ids)
    return given


@transactional
def give_back(link_id: int, *, now: datetime) -> bool:
    """失效: link, coupon in stock and points in one; False when it was claimed meanwhile."""
    if not link_end.lapse([link_id], now=now):
        return False
    cause = db.session.connection().scalar(
        select(_links.c.made_for).where(
            _links.c.merchant_id == tenancy.merchant_id(), _links.c.id == link_id
        )
    )
    entry = ledger.reverse(str(cause), cause=f"{cause}-back", now=now)
    if entry is not None:
        remark = "兑换的券未在期限内领取，积分已退回"
        tell_changed(entry, title="积分退回", remark=remark, owed=collected(entry), now=now)
    return True
