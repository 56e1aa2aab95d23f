"""发放: the one writer of grants. What is given is in the card pack at once, waits for a login, or
stands behind a link; stock, budget and limits are taken before, by who gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, insert, literal

from backend import requesting, tenancy
from backend.campaigns.models import Grant, GrantState
from backend.campaigns.offers import CurrentOffer
from backend.database import UtcDateTime, changed, db, table_of
from backend.members.models import Member

_grants, _members = table_of(Grant), table_of(Member)


@dataclass(frozen=True)
class Way:
    """How it reaches the person. ``claim_until`` (exclusive) None: any time."""

    state: GrantState
    claimed_at: datetime | None = None
    claim_until: datetime | None = None
    link_id: int | None = None


def at_once(now: datetime) -> Way:
    """Claimed with the grant: its coupons are made in the same transaction."""
    return Way(GrantState.CLAIMED, claimed_at=now)


def waits(until: datetime | None) -> Way:
    """For the person's next login (R-19)."""
    return Way(GrantState.OPEN, claim_until=until)


def behind(link_id: int, until: datetime | None, *, login_too: bool) -> Way:
    """Behind a link, which alone opens it unless the owner's login does too."""
    state = GrantState.OPEN if login_too else GrantState.LINKED
    return Way(state, claim_until=until, link_id=link_id)


@dataclass(frozen=True)
class Recipient:
    """One grant to be: an offer that is kept, to a member, single by campaign, cycle and member."""

    member_id: int
    offer: CurrentOffer
    cycle: str
    way: Way


def grant(recipients: Sequence[Recipient], *, now: datetime) -> dict[str, int]:
    """Write these grants, in one statement; their ids by cycle."""
    written = db.session.connection().execute(
        insert(_grants).returning(_grants.c.cycle, _grants.c.id),
        [
            {
                "merchant_id": tenancy.merchant_id(),
                "campaign_id": each.offer.campaign_id,
                "cycle": each.cycle,
                "member_id": each.member_id,
                "offer_id": each.offer.id,
                "quantity": each.offer.quantity,
                "state": each.way.state.value,
                "granted_at": now,
                "claimed_at": each.way.claimed_at,
                "claim_until": each.way.claim_until,
                "link_id": each.way.link_id,
                "request_id": requesting.request_id(),
            }
            for each in recipients
        ],
    )
    return {row.cycle: row.id for row in written}


def grant_crowd(
    offer: CurrentOffer,
    way: Way,
    *,
    cycle: str,
    wave_id: int,
    granted_at: datetime,
    people: Callable[..., Select[*tuple[Any, ...]]],
) -> int:
    """Write the grants of a crowd, ``people`` being given the columns; how many."""
    values: dict[str, ColumnElement[Any]] = {
        "merchant_id": literal(tenancy.merchant_id()),
        "campaign_id": literal(offer.campaign_id),
        "cycle": literal(cycle),
        "member_id": _members.c.id,
        "offer_id": literal(offer.id),
        "wave_id": literal(wave_id),
        "quantity": literal(offer.quantity),
        "state": literal(way.state.value),
        "granted_at": literal(granted_at, UtcDateTime()),
        "claim_until": literal(way.claim_until, UtcDateTime()),
        "claimed_at": literal(way.claimed_at, UtcDateTime()),
        "request_id": literal(requesting.request_id()),
    }
    return changed(insert(_grants).from_select(list(values), people(*values.values())))
