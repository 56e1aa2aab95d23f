"""领取链接: the code on a receipt (S2-51) or at the till after an exchange (S2-32), claimed once.

A receipt's belongs to whoever opens it first, an exchange's to the member who paid for it, whose
login collects it too. Past its window it is lapsed by time.
"""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, insert, or_, select, update

from backend import deployment, faults, tenancy
from backend.campaigns import granting, grants, limits, offers
from backend.campaigns.errors import (
    AlreadyClaimed,
    ClaimIsAnothers,
    ClaimLapsed,
    ClaimLimitReached,
    ClaimNotFound,
)
from backend.campaigns.granting import Recipient
from backend.campaigns.link_end import WAITING, close
from backend.campaigns.models import ClaimLink, ClaimLinkKind, Grant, GrantState
from backend.campaigns.offers import CurrentOffer
from backend.database import (
    MetAnother,
    after_commit,
    changed,
    db,
    table_of,
    transactional,
)
from backend.members.queries import ids_of

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_CODE_LENGTH = 16

_links, _grants = table_of(ClaimLink), table_of(Grant)
_BEHIND = grants.PIECES.where(
    _grants.c.link_id == bindparam("link"),
    _grants.c.state.in_(WAITING),
    or_(_grants.c.claim_until.is_(None), _grants.c.claim_until > bindparam("at")),
)


LinkState = Literal["open", "claimed", "lapsed"]


@dataclass(frozen=True)
class Promised:
    """One offer behind a link, and until when (exclusive) it can be claimed; None: any time."""

    offer: CurrentOffer
    claim_until: datetime | None


@dataclass(frozen=True)
class Link:
    """领取链接 as it stands in its row. ``state`` is the stored one: see ``state_at``."""

    id: int
    code: str
    kind: str
    state: str
    member_id: int
    points: int
    claim_until: datetime | None
    claimed_by_id: int | None = None

    @property
    def address(self) -> str:
        """What the QR code holds."""
        return address(self.code)

    def state_at(self, now: datetime) -> LinkState:
        """The state at this instant. What was taken back (退款) reads lapsed."""
        if self.state == GrantState.CLAIMED:
            return "claimed"
        in_time = self.claim_until is None or now < self.claim_until
        return "open" if self.state == GrantState.OPEN and in_time else "lapsed"


def address(code: str) -> str:
    """领取页 of this code: PUBLIC_URL/h5/claims/<code>."""
    return f"{deployment.public_url()}/h5/claims/{code}"


@transactional
def make(
    kind: ClaimLinkKind,
    *,
    member_id: int,
    promised: Sequence[Promised],
    made_for: str,
    bill_id: int | None = None,
    points: int = 0,
    now: datetime,
) -> Link:
    """One link over these offers. Stock, budget and limits are the caller's, taken before; a second
    link for the same ``made_for`` (``bill-7``) breaks its unique key."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    ends = [each.claim_until for each in promised]
    until = None if None in ends else max(end for end in ends if end is not None)
    connection, merchant_id = db.session.connection(), tenancy.merchant_id()
    written = connection.execute(
        insert(_links).values(
            merchant_id=merchant_id,
            code=code,
            kind=kind.value,
            state=GrantState.OPEN.value,
            member_id=member_id,
            bill_id=bill_id,
            made_for=made_for,
            points=points,
            created_at=now,
            claim_until=until,
        )
    )
    (link_id,) = written.inserted_primary_key or (0,)
    login_too = kind is ClaimLinkKind.EXCHANGE
    granting.grant(
        [
            Recipient(
                member_id,
                offers.persist(each.offer),
                f"link-{link_id}-{place}",
                granting.behind(link_id, each.claim_until, login_too=login_too),
            )
            for place, each in enumerate(promised)
        ],
        now=now,
    )
    return Link(int(link_id), code, kind.value, GrantState.OPEN.value, member_id, points, until)


def merchant_of(code: str) -> int:
    """Whose link this is, for pages that know nothing else; ClaimNotFound."""
    with tenancy.across_merchants("a claim link's address names no merchant"):
        found: int | None = db.session.connection().scalar(
            select(_links.c.merchant_id).where(_links.c.code == code)
        )
    if found is None:
        raise ClaimNotFound()
    return found


def find(code: str, *, member_id: int) -> Link:
    """The link as this member may know it; ClaimNotFound, or ClaimIsAnothers for an exchange."""
    row = (
        db.session.connection()
        .execute(
            select(
                _links.c.id,
                _links.c.code,
                _links.c.kind,
                _links.c.state,
                _links.c.member_id,
                _links.c.points,
                _links.c.claim_until,
                _links.c.claimed_by_id,
            ).where(_links.c.merchant_id == tenancy.merchant_id(), _links.c.code == code)
        )
        .one_or_none()
    )
    if row is None:
        raise ClaimNotFound()
    link = Link(*row)
    if link.kind == ClaimLinkKind.EXCHANGE and link.member_id not in ids_of(member_id):
        raise ClaimIsAnothers()
    return link


@transactional
def claim(code: str, *, member_id: int, now: datetime) -> list[int]:
    """领取: everything behind the link becomes this member's coupons, once; their ids.

    AlreadyClaimed (S2-57) for everybody after, whoever they are; ClaimLapsed past its window.
    """
    link = find(code, member_id=member_id)
    match link.state_at(now):
        case "claimed":
            raise AlreadyClaimed()
        case "lapsed":
            raise ClaimLapsed()
    opened = (
        update(_links)
        .where(
            _links.c.merchant_id == tenancy.merchant_id(),
            _links.c.id == link.id,
            _links.c.state == GrantState.OPEN,
        )
        .values(state=GrantState.CLAIMED.value, claimed_at=now, claimed_by_id=member_id)
    )
    if not changed(opened):
        raise MetAnother()
    asked = {"merchant": tenancy.merchant_id(), "link": link.id, "at": now}
    waiting = db.session.connection().execute(_BEHIND, asked).all()
    if not waiting:
        raise MetAnother()
    if link.kind == ClaimLinkKind.RECEIPT:
        pieces, zone = Counter(row.template_id for row in waiting), ZoneInfo(waiting[0].zone)
        if not limits.claim_within_limits(member_id, pieces, link_id=link.id, zone=zone, now=now):
            raise ClaimLimitReached()
    _claim_grants({row.grant_id for row in waiting}, member_id, now=now)
    close([link.id], GrantState.LAPSED)
    claimed = grants.become_coupons(waiting, member_id, now=now)
    after_commit(lambda: faults.point("claim_link.after_commit"))
    faults.point("claim_link.before_commit")
    return claimed


def _claim_grants(grant_ids: set[int], member_id: int, *, now: datetime) -> None:
    claimed = changed(
        update(_grants)
        .where(
            _grants.c.merchant_id == tenancy.merchant_id(),
            _grants.c.id.in_(sorted(grant_ids)),
            _grants.c.state.in_(WAITING),
        )
        .values(state=GrantState.CLAIMED.value, claimed_at=now, member_id=member_id)
    )
    if claimed != len(grant_ids):
        raise MetAnother()
