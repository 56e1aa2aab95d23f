"""会员: counters rebuilt from the ledger of spending, class from the count, aliases flat."""

from sqlalchemy import Connection, Update, and_, case, func, or_, select, update

from backend.coupons.models import Coupon
from backend.database import table_of
from backend.members.classes import class_after
from backend.members.models import Identity, Member, Spending
from backend.reports.invariants.invariant import Invariant, by

_members, _identities, _coupons = table_of(Member), table_of(Identity), table_of(Coupon)
_spending = table_of(Spending)
_survivors = _members.alias("survivor")

_counted = and_(
    _spending.c.merchant_id == _members.c.merchant_id,
    _spending.c.member_id == _members.c.id,
    _spending.c.reversed_at.is_(None),
)
_bills = select(func.count()).where(_counted).correlate(_members).scalar_subquery()
_paid = (
    select(func.coalesce(func.sum(_spending.c.paid_fen), 0))
    .where(_counted)
    .correlate(_members)
    .scalar_subquery()
)
_last = select(func.max(_spending.c.spent_at)).where(_counted).correlate(_members).scalar_subquery()
_follows = (
    select(func.count())
    .where(
        _identities.c.merchant_id == _members.c.merchant_id,
        _identities.c.member_id == _members.c.id,
        _identities.c.followed_at.is_not(None),
        _identities.c.unfollowed_at.is_(None),
    )
    .correlate(_members)
    .scalar_subquery()
)
_class = case(
    *((_members.c.consumption_count == count, class_after(count).value) for count in (0, 1)),
    else_=class_after(2).value,
)
_miscounted = or_(
    _members.c.consumption_count != _bills,
    _members.c.consumption_fen != _paid,
    and_(_last.is_(None), _members.c.last_consumed_at.is_not(None)),
    and_(_last.is_not(None), _members.c.last_consumed_at.is_(None)),
    _members.c.last_consumed_at != _last,
)
_misfollowing = _members.c.follows != case((_follows > 0, True), else_=False)


def _changed(connection: Connection, statement: Update) -> int:
    return connection.execute(statement).rowcount


def _recount(connection: Connection) -> int:
    return _changed(
        connection,
        update(_members)
        .where(_miscounted)
        .values(consumption_count=_bills, consumption_fen=_paid, last_consumed_at=_last),
    )


def _reclassify(connection: Connection) -> int:
    return _changed(
        connection,
        update(_members).where(_members.c.customer_class != _class).values(customer_class=_class),
    )


def _refollow(connection: Connection) -> int:
    follows = case((_follows > 0, True), else_=False)
    return _changed(connection, update(_members).where(_misfollowing).values(follows=follows))


INVARIANTS = (
    Invariant(
        "member.counters",
        "会员的消费次数、金额和最近消费与消费记录一致",
        "member",
        by(select(_members.c.id).where(_miscounted)),
        repair=_recount,
    ),
    Invariant(
        "member.class",
        "客户分类由消费次数决定",
        "member",
        by(select(_members.c.id).where(_members.c.customer_class != _class)),
        repair=_reclassify,
    ),
    Invariant(
        "member.follows",
        "会员的关注状态与其公众号身份一致",
        "member",
        by(select(_members.c.id).where(_misfollowing)),
        repair=_refollow,
    ),
    Invariant(
        "member.alias",
        "合并后的会员直接指向留下的会员",
        "member",
        by(
            select(_members.c.id)
            .join(_survivors, _survivors.c.id == _members.c.alias_of_id)
            .where(_survivors.c.alias_of_id.is_not(None))
        ),
    ),
    Invariant(
        "coupon.holder",
        "券在留下的会员手中，不在已合并的会员手中",
        "coupon",
        by(
            select(_coupons.c.id)
            .join(_members, _members.c.id == _coupons.c.member_id)
            .where(_members.c.alias_of_id.is_not(None))
        ),
    ),
)
