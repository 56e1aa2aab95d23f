"""失效: open grants past their window are marked, and their stock goes back.

Lapsing is true by time; the mark only frees what was held for them. What a budget counts stays.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from backend import tenancy
from backend.campaigns.models import Grant, GrantState, OfferPiece, Wave, WaveState
from backend.coupons import stock
from backend.coupons.models import CouponTemplate
from backend.database import changed, db, end_read, table_of, transactional

SWEPT_AT_ONCE = 5_000

_grants, _pieces = table_of(Grant), table_of(OfferPiece)
_templates, _waves = table_of(CouponTemplate), table_of(Wave)


def sweep(*, now: datetime) -> int:
    """Mark what lapsed in every wave whose window is over; answers how many grants. A wave that
    still grants says until when, and is swept once it is done."""
    end_read()
    with tenancy.across_merchants("the tick looks whose grants have lapsed"):
        over = db.session.connection().execute(
            select(_waves.c.merchant_id, _waves.c.id).where(
                _waves.c.lapses_at <= now, _waves.c.state != WaveState.RUNNING
            )
        )
        found = [(row.merchant_id, row.id) for row in over]
    lapsed = 0
    for merchant_id, wave_id in found:
        with tenancy.acting_for(merchant_id):
            while some := _lapse_some(wave_id, now=now):
                lapsed += some
    return lapsed


@transactional
def _lapse_some(wave_id: int, *, now: datetime) -> int:
    wave = db.session.scalars(
        select(Wave)
        .where(Wave.id == wave_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    some = (
        select(_grants.c.id)
        .where(
            _grants.c.merchant_id == tenancy.merchant_id(),
            _grants.c.campaign_id == wave.campaign_id,
            _grants.c.cycle == wave.cycle,
            _grants.c.state == GrantState.OPEN,
            _grants.c.claim_until <= now,
        )
        .order_by(_grants.c.member_id)
        .limit(SWEPT_AT_ONCE)
        .with_for_update()
    )
    ids = list(db.session.connection().scalars(some))
    if not ids:
        wave.lapses_at = None
        return 0
    give_back_stock(ids)
    return changed(
        update(_grants)
        .where(_grants.c.merchant_id == tenancy.merchant_id(), _grants.c.id.in_(ids))
        .values(state=GrantState.LAPSED.value)
    )


def give_back_stock(grant_ids: Sequence[int]) -> None:
    """The pieces these grants held, of templates whose stock is limited."""
    merchant_id = tenancy.merchant_id()
    held = (
        select(_pieces.c.template_id, func.count())
        .join(_grants, _grants.c.offer_id == _pieces.c.offer_id)
        .join(_templates, _templates.c.id == _pieces.c.template_id)
        .where(
            _grants.c.merchant_id == merchant_id,
            _grants.c.id.in_(grant_ids),
            _templates.c.merchant_id == merchant_id,
            _templates.c.stock.is_not(None),
        )
        .group_by(_pieces.c.template_id)
        .order_by(_pieces.c.template_id)
    )
    for template_id, pieces in db.session.connection().execute(held).all():
        stock.give_back(template_id, pieces)
