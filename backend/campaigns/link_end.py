"""领取链接的终了: lapsed past its window, or taken back; what still waits behind it gives its stock
back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from backend import tenancy
from backend.campaigns.lapse import give_back_stock
from backend.campaigns.models import ClaimLink, ClaimLinkKind, Grant, GrantState
from backend.database import changed, db, end_read, table_of, transactional

SWEPT_AT_ONCE = 500
WAITING = (GrantState.OPEN, GrantState.LINKED)
"""The states of a grant that its link can still open."""

_links, _grants = table_of(ClaimLink), table_of(Grant)


@dataclass(frozen=True)
class Lapsed:
    """A link nobody opened in time, and the points to give back to its member."""

    link_id: int
    member_id: int
    points: int


def overdue(kind: ClaimLinkKind, *, now: datetime) -> list[tuple[int, int]]:
    """(merchant, link) of every open link of this kind whose window is over."""
    end_read()
    with tenancy.across_merchants("the tick looks whose claim links have lapsed"):
        rows = db.session.connection().execute(
            select(_links.c.merchant_id, _links.c.id)
            .where(
                _links.c.state == GrantState.OPEN,
                _links.c.claim_until <= now,
                _links.c.kind == kind,
            )
            .order_by(_links.c.merchant_id, _links.c.id)
        )
        return [(row.merchant_id, row.id) for row in rows]


@transactional
def lapse(link_ids: Sequence[int], *, now: datetime) -> list[Lapsed]:
    """失效: mark these links of the merchant we act for, and their stock goes back. Answers those
    that did lapse, with their points: who calls it gives those back in the same transaction."""
    over = (
        select(_links.c.id, _links.c.member_id, _links.c.points)
        .where(
            _links.c.merchant_id == tenancy.merchant_id(),
            _links.c.id.in_(link_ids),
            _links.c.state == GrantState.OPEN,
            _links.c.claim_until <= now,
        )
        .order_by(_links.c.id)
        .with_for_update()
    )
    lapsed = [Lapsed(*row) for row in db.session.connection().execute(over)]
    if not lapsed:
        return []
    ids = [each.link_id for each in lapsed]
    changed(
        update(_links)
        .where(_links.c.merchant_id == tenancy.merchant_id(), _links.c.id.in_(ids))
        .values(state=GrantState.LAPSED.value)
    )
    close(ids, GrantState.LAPSED)
    return lapsed


def sweep(*, now: datetime) -> int:
    """Mark every receipt's link whose window is over; how many. (Exchanges: ``backend/points``,
    with ``overdue`` and ``lapse``.)"""
    found: dict[int, list[int]] = {}
    for merchant_id, link_id in overdue(ClaimLinkKind.RECEIPT, now=now):
        found.setdefault(merchant_id, []).append(link_id)
    lapsed = 0
    for merchant_id, ids in found.items():
        with tenancy.acting_for(merchant_id):
            for at in range(0, len(ids), SWEPT_AT_ONCE):
                lapsed += len(lapse(ids[at : at + SWEPT_AT_ONCE], now=now))
    return lapsed


@transactional
def revoke(made_for: str) -> list[int]:
    """收回 of the link made for this, if nobody has claimed it: stock goes back. Else the ids of
    its claimed grants, of which only the coupons can be taken back."""
    ours = _links.c.merchant_id == tenancy.merchant_id(), _links.c.made_for == made_for
    link_id = db.session.connection().scalar(select(_links.c.id).where(*ours))
    if link_id is None:
        return []
    waiting = update(_links).where(*ours, _links.c.state == GrantState.OPEN)
    if changed(waiting.values(state=GrantState.REVOKED.value)):
        close([link_id], GrantState.REVOKED)
        return []
    claimed = select(_grants.c.id).where(
        _grants.c.merchant_id == tenancy.merchant_id(),
        _grants.c.link_id == link_id,
        _grants.c.state == GrantState.CLAIMED,
    )
    return list(db.session.connection().scalars(claimed))


def close(link_ids: Sequence[int], state: GrantState) -> None:
    """What still waits behind these links will not be claimed any more: its stock goes back."""
    ids = list(
        db.session.connection().scalars(
            select(_grants.c.id)
            .where(
                _grants.c.merchant_id == tenancy.merchant_id(),
                _grants.c.link_id.in_(link_ids),
                _grants.c.state.in_(WAITING),
            )
            .order_by(_grants.c.id)
            .with_for_update()
        )
    )
    if ids:
        give_back_stock(ids)
        changed(
            update(_grants)
            .where(_grants.c.merchant_id == tenancy.merchant_id(), _grants.c.id.in_(ids))
            .values(state=state.value)
        )
