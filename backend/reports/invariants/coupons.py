"""券 and 核销: one live redemption per redeemed coupon, states only along the arrows."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, func, not_, or_, select, tuple_

from backend import clock
from backend.campaigns.models import Grant, GrantState, OfferPiece
from backend.coupons import states
from backend.coupons.models import (
    Coupon,
    CouponEvent,
    CouponState,
    CouponTemplate,
    TemplateRevision,
)
from backend.database import table_of
from backend.redemption.models import Redemption
from backend.reports.invariants.invariant import Invariant, by
from backend.sales.models import Bill

_coupons, _events, _redemptions = table_of(Coupon), table_of(CouponEvent), table_of(Redemption)
_grants, _pieces, _bills = table_of(Grant), table_of(OfferPiece), table_of(Bill)
_templates, _revisions = table_of(CouponTemplate), table_of(TemplateRevision)

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clocks of two machines may be apart."""

ARROWS = sorted(
    {
        (before.value, step.after.value)
        for step in (
            states.REDEEM,
            states.UNDO,
            states.LOCK,
            states.RELEASE,
            states.REVOKE,
            states.EXTEND,
        )
        for before in step.before
    }
)

_live = (
    select(_redemptions.c.coupon_id, func.count().label("times"))
    .where(_redemptions.c.undone_at.is_(None))
    .group_by(_redemptions.c.coupon_id)
    .subquery()
)
_times = func.coalesce(_live.c.times, 0)
_before = func.coalesce(
    func.lag(_events.c.after).over(partition_by=_events.c.coupon_id, order_by=_events.c.id),
    CouponState.USABLE.value,
)
_chain = select(_events.c.id, _events.c.before, _before.label("was")).subquery()
_last = (
    select(_events.c.coupon_id, func.max(_events.c.id).label("event_id"))
    .group_by(_events.c.coupon_id)
    .subquery()
)
_pieces_made = (
    select(_coupons.c.grant_id, func.count().label("made")).group_by(_coupons.c.grant_id).subquery()
)


def _out_of_time(connection: Connection, _now: datetime) -> Iterable[int]:
    """A redemption tells the instant of the coupon's own event, on a bill the bill's, which a till
    may send later; it has come."""
    on_its_own = exists().where(
        _redemptions.c.bill_id.is_(None),
        _events.c.coupon_id == _redemptions.c.coupon_id,
        _events.c.after == CouponState.REDEEMED,
        _events.c.at == _redemptions.c.at,
    )
    on_a_bill = exists().where(
        _bills.c.id == _redemptions.c.bill_id, _bills.c.settled_at == _redemptions.c.at
    )
    later = clock.now() + CLOCKS_DIFFER
    return list(
        connection.scalars(
            select(_redemptions.c.id).where(
                not_(or_(on_its_own, on_a_bill)) | (_redemptions.c.at > later)
            )
        )
    )


INVARIANTS = (
    Invariant("redemption.at", "核销的时间与券流水一致，且不在将来", "redemption", _out_of_time),
    Invariant(
        "coupon.window",
        "券的使用期从前往后",
        "coupon",
        by(select(_coupons.c.id).where(_coupons.c.valid_from >= _coupons.c.valid_until)),
    ),
    Invariant(
        "redemption.once",
        "已核销的券恰有一条有效核销，其他状态的券没有（V-10）",
        "coupon",
        by(
            select(_coupons.c.id)
            .outerjoin(_live, _live.c.coupon_id == _coupons.c.id)
            .where(
                or_(
                    (_coupons.c.state == CouponState.REDEEMED) & (_times != 1),
                    (_coupons.c.state != CouponState.REDEEMED) & (_times != 0),
                )
            )
        ),
    ),
    Invariant(
        "redemption.live_key",
        "有效核销以券为唯一键，撤销后放开（V-12）",
        "redemption",
        by(
            select(_redemptions.c.id).where(
                or_(
                    _redemptions.c.undone_at.is_(None)
                    & (func.coalesce(_redemptions.c.live_key, 0) != _redemptions.c.coupon_id),
                    _redemptions.c.undone_at.is_not(None) & _redemptions.c.live_key.is_not(None),
                )
            )
        ),
    ),
    Invariant(
        "redemption.campaign",
        "核销记录的活动就是券的活动",
        "redemption",
        by(
            select(_redemptions.c.id)
            .join(_coupons, _coupons.c.id == _redemptions.c.coupon_id)
            .where(_redemptions.c.campaign_id != _coupons.c.campaign_id)
        ),
    ),
    Invariant(
        "coupon.arrows",
        "券的每次变动都是允许的（V-40）",
        "coupon_event",
        by(select(_events.c.id).where(tuple_(_events.c.before, _events.c.after).not_in(ARROWS))),
    ),
    Invariant(
        "coupon.chain",
        "券流水首尾相接，从可用开始（V-40）",
        "coupon_event",
        by(select(_chain.c.id).where(_chain.c.before != _chain.c.was)),
    ),
    Invariant(
        "coupon.state",
        "券的状态就是最后一条流水的结果（V-40）",
        "coupon",
        by(
            select(_coupons.c.id)
            .outerjoin(_last, _last.c.coupon_id == _coupons.c.id)
            .outerjoin(_events, _events.c.id == _last.c.event_id)
            .where(_coupons.c.state != func.coalesce(_events.c.after, CouponState.USABLE.value))
        ),
    ),
    Invariant(
        "coupon.lock",
        "锁定的券有账单和期限，其他的没有",
        "coupon",
        by(
            select(_coupons.c.id).where(
                or_(
                    (_coupons.c.state == CouponState.LOCKED)
                    & (_coupons.c.locked_bill.is_(None) | _coupons.c.locked_until.is_(None)),
                    (_coupons.c.state != CouponState.LOCKED)
                    & (_coupons.c.locked_bill.is_not(None) | _coupons.c.locked_until.is_not(None)),
                )
            )
        ),
    ),
    Invariant(
        "coupon.promise",
        "券与发券记录所许诺的模板、版本、活动一致",
        "coupon",
        by(
            select(_coupons.c.id)
            .join(_grants, _grants.c.id == _coupons.c.grant_id)
            .join(
                _pieces,
                (_pieces.c.offer_id == _grants.c.offer_id) & (_pieces.c.piece == _coupons.c.piece),
            )
            .where(
                or_(
                    _coupons.c.campaign_id != _grants.c.campaign_id,
                    _coupons.c.template_id != _pieces.c.template_id,
                    _coupons.c.revision_id != _pieces.c.revision_id,
                )
            )
        ),
    ),
    Invariant(
        "grant.pieces",
        "已领取的发券记录恰有所许诺张数的券，未领取的没有（V-21）",
        "coupon_grant",
        by(
            select(_grants.c.id)
            .outerjoin(_pieces_made, _pieces_made.c.grant_id == _grants.c.id)
            .where(
                or_(
                    (_grants.c.state == GrantState.CLAIMED)
                    & (func.coalesce(_pieces_made.c.made, 0) != _grants.c.quantity),
                    _grants.c.state.in_((GrantState.OPEN, GrantState.LINKED, GrantState.LAPSED))
                    & _pieces_made.c.made.is_not(None),
                )
            )
        ),
    ),
    Invariant(
        "template.revision",
        "券模板的当前版本属于它自己",
        "coupon_template",
        by(
            select(_templates.c.id)
            .join(_revisions, _revisions.c.id == _templates.c.revision_id)
            .where(_revisions.c.template_id != _templates.c.id)
        ),
    ),
)
