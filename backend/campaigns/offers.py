"""一份券: what a campaign gives at this moment, as an immutable offer found by its content.

A grant points to the offer it promised; editing the campaign or a template leads to another one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import Row, and_, bindparam, func, insert, select

from backend import tenancy
from backend.calendar import Span, last_day_before
from backend.campaigns.models import CampaignCoupon, Offer, OfferPiece
from backend.coupons import stock
from backend.coupons.models import Approval, CouponTemplate, TemplateRevision
from backend.coupons.terms import parse_validity
from backend.coupons.validity import use_window
from backend.database import db, table_of

_coupons, _templates = table_of(CampaignCoupon), table_of(CouponTemplate)
_revisions, _offers = table_of(TemplateRevision), table_of(Offer)
_NOT_KEPT = 0

_NEWEST = (
    select(func.max(_offers.c.id))
    .where(
        _offers.c.merchant_id == bindparam("merchant"),
        _offers.c.campaign_id == bindparam("campaign"),
        _offers.c.part == bindparam("part"),
    )
    .scalar_subquery()
)
_LINES = (
    select(
        _templates.c.id,
        _templates.c.revision_id,
        _coupons.c.quantity,
        _templates.c.title,
        _revisions.c.validity,
        _templates.c.stock,
        _templates.c.per_member,
        _templates.c.per_day,
        _offers.c.id.label("newest_id"),
        _offers.c.content_hash.label("newest_hash"),
    )
    .select_from(_coupons)
    .join(_templates, _templates.c.id == _coupons.c.template_id)
    .join(_revisions, _revisions.c.id == _templates.c.revision_id)
    .outerjoin(
        _offers,
        and_(_offers.c.merchant_id == _coupons.c.merchant_id, _offers.c.id == _NEWEST),
    )
    .where(
        _coupons.c.merchant_id == bindparam("merchant"),
        _coupons.c.campaign_id == bindparam("campaign"),
        _coupons.c.part == bindparam("part"),
        _templates.c.approval == Approval.PASSED.value,
        _templates.c.archived.is_(False),
    )
    .order_by(_coupons.c.position)
)
"""What a part gives, and beside it the offer that was kept last, which is mostly the same."""
_KEPT = select(_offers.c.id).where(
    _offers.c.merchant_id == bindparam("merchant"),
    _offers.c.campaign_id == bindparam("campaign"),
    _offers.c.part == bindparam("part"),
    _offers.c.content_hash == bindparam("content_hash"),
)


@dataclass(frozen=True)
class OfferLine:
    """So many pieces of one template, in its newest revision, with the template's limits."""

    template_id: int
    revision_id: int
    quantity: int
    title: str
    validity: dict[str, JsonValue]
    limited: bool
    per_member: int | None
    per_day: int | None

    def use_window(self, *, claimed_at: datetime, zone: ZoneInfo) -> Span:
        """使用期 of a piece claimed at that instant."""
        return use_window(parse_validity(self.validity), claimed_at=claimed_at, zone=zone)


@dataclass(frozen=True)
class CurrentOffer:
    """What one part of a campaign gives now; its ``id`` is a row's once it is persisted."""

    id: int
    campaign_id: int
    part: str
    content_hash: str
    lines: tuple[OfferLine, ...]

    @property
    def quantity(self) -> int:
        """Pieces in all."""
        return sum(line.quantity for line in self.lines)

    @property
    def per_template(self) -> dict[int, int]:
        """Pieces of each template, in the order in which stock is taken: by id."""
        needed: dict[int, int] = {}
        for line in sorted(self.lines, key=lambda line: line.template_id):
            needed[line.template_id] = needed.get(line.template_id, 0) + line.quantity
        return needed

    @property
    def limited_templates(self) -> dict[int, int]:
        """Those of ``per_template`` whose stock is limited."""
        limited = {line.template_id for line in self.lines if line.limited}
        return {id: pieces for id, pieces in self.per_template.items() if id in limited}

    @property
    def titles(self) -> list[str]:
        """What is given, in words."""
        return in_words((line.title, line.quantity) for line in self.lines)

    def facts(self, *, until: datetime | None, zone: ZoneInfo) -> dict[str, JsonValue]:
        """What a message about it can say; ``until`` is exclusive."""
        valid_to = {} if until is None else {"valid_to": last_day_before(until, zone).isoformat()}
        return {"title": "、".join(self.titles)[:60], "count": self.quantity, **valid_to}

    def first_end(self, *, claimed_at: datetime, zone: ZoneInfo) -> datetime:
        """When the first of its coupons expires if claimed at that instant."""
        return min(line.use_window(claimed_at=claimed_at, zone=zone).end for line in self.lines)


def in_words(given: Iterable[tuple[str, int]]) -> list[str]:
    """Titles with how many of each: 每满300减100×2."""
    return [title if pieces == 1 else f"{title}×{pieces}" for title, pieces in given]


def current(campaign_id: int, part: str = "") -> CurrentOffer | None:
    """What this part gives now, only read; None when it gives nothing that may be given."""
    asked = {"merchant": tenancy.merchant_id(), "campaign": campaign_id, "part": part}
    rows = db.session.connection().execute(_LINES, asked).all()
    if not rows:
        return None
    content = ",".join(f"{row.revision_id}x{row.quantity}" for row in rows)
    content_hash = sha256(content.encode()).hexdigest()
    known = rows[0].newest_id
    if known is not None and rows[0].newest_hash != content_hash:
        known = db.session.connection().scalar(_KEPT, {**asked, "content_hash": content_hash})
    return CurrentOffer(known or _NOT_KEPT, campaign_id, part, content_hash, _lines(rows))


def persist(offer: CurrentOffer) -> CurrentOffer:
    """The same offer as a row that grants can point to, made when it is first granted."""
    return replace(offer, id=_make(offer)) if offer.id == _NOT_KEPT else offer


def take_stock(offer: CurrentOffer, people: int) -> int:
    """Stock for so many people, or for as many as there is enough for (all templates alike)."""
    needed = offer.limited_templates
    taken: dict[int, int] = {}
    for template_id, pieces in needed.items():
        taken[template_id] = stock.take_some(template_id, people * pieces)
        people = min(people, taken[template_id] // pieces)
    for template_id, pieces in needed.items():
        stock.give_back(template_id, taken[template_id] - people * pieces)
    return people


def give_back_stock(offer: CurrentOffer, people: int) -> None:
    """What was taken for people who then get nothing."""
    for template_id, pieces in offer.limited_templates.items():
        stock.give_back(template_id, people * pieces)


def _lines(rows: Sequence[Row[*tuple[Any, ...]]]) -> tuple[OfferLine, ...]:
    return tuple(
        OfferLine(
            template_id=row.id,
            revision_id=row.revision_id,
            quantity=row.quantity,
            title=row.title,
            validity=row.validity,
            limited=row.stock is not None,
            per_member=row.per_member,
            per_day=row.per_day,
        )
        for row in rows
    )


def _make(offer: CurrentOffer) -> int:
    merchant_id = tenancy.merchant_id()
    connection = db.session.connection()
    promised = [line for line in offer.lines for _ in range(line.quantity)]
    offer_id: int = connection.execute(
        insert(_offers)
        .values(
            merchant_id=merchant_id,
            campaign_id=offer.campaign_id,
            part=offer.part,
            content_hash=offer.content_hash,
            quantity=len(promised),
        )
        .returning(_offers.c.id)
    ).scalar_one()
    connection.execute(
        insert(table_of(OfferPiece)),
        [
            {
                "merchant_id": merchant_id,
                "offer_id": offer_id,
                "piece": piece,
                "template_id": line.template_id,
                "revision_id": line.revision_id,
            }
            for piece, line in enumerate(promised, start=1)
        ],
    )
    return offer_id
