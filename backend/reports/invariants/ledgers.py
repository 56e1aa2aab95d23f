"""积分账与储值账: balances against their ledgers, chains without gaps, lots against points,
reversals within their originals, debts of earnings (V-01, V-03…V-05, V-07…V-09, R-25)."""

from sqlalchemy import ColumnElement, Select, Table, and_, case, exists, func, not_, or_, select

from backend.database import table_of
from backend.members.models import Member, Recharge
from backend.points.models import EntryKind, PointsEntry, PointsLot, PointsLotUse
from backend.reports.invariants.invariant import Invariant, by
from backend.wallet.models import EntryKind as WalletKind
from backend.wallet.models import WalletEntry

_members, _recharges = table_of(Member), table_of(Recharge)
_points, _lots, _uses = table_of(PointsEntry), table_of(PointsLot), table_of(PointsLotUse)
_wallet = table_of(WalletEntry)

_USES_GOOD_POINTS = (EntryKind.SPEND, EntryKind.ADJUST)
"""A reversal takes what its own earning brought, which may come back past its end."""


def _sum(of: ColumnElement[int], *where: ColumnElement[bool]) -> ColumnElement[int]:
    total = select(func.coalesce(func.sum(of), 0)).where(*where)
    return total.correlate(_members, _lots).scalar_subquery()


def _theirs(rows: Table) -> ColumnElement[bool]:
    """The rows of the member at hand, by the index that begins with the merchant."""
    return and_(rows.c.merchant_id == _members.c.merchant_id, rows.c.member_id == _members.c.id)


def _breaks(entries: Table, *amounts: tuple[str, str]) -> Select[tuple[int]]:
    """Entries that do not go on from the one before them: each amount (change, after), and seq."""

    def last(column: str) -> ColumnElement[int]:
        before = func.lag(entries.c[column]).over(
            partition_by=entries.c.member_id, order_by=entries.c.seq
        )
        return func.coalesce(before, 0)

    wrong = [entries.c[after] - entries.c[change] - last(after) for change, after in amounts]
    wrong.append(entries.c.seq - last("seq") - 1)
    rows = select(entries.c.id, *(each.label(f"wrong_{n}") for n, each in enumerate(wrong)))
    found = rows.subquery()
    return select(found.c.id).where(or_(*(found.c[f"wrong_{n}"] != 0 for n in range(len(wrong)))))


def _over_reversed(entries: Table, *amounts: str) -> Select[tuple[int]]:
    """Originals of which more came back than they were, or in their own direction."""
    original = entries.alias("original")
    parts = [(func.sum(entries.c[amount]), original.c[amount]) for amount in amounts]
    return (
        select(original.c.id)
        .join(entries, entries.c.reverses_id == original.c.id)
        .group_by(original.c.id, *(whole for _, whole in parts))
        .having(
            or_(
                *(func.abs(back) > func.abs(whole) for back, whole in parts),
                *(back * whole > 0 for back, whole in parts),
            )
        )
    )


_reversals = _points.alias("reversal")
_reversed_of_lot = and_(
    _reversals.c.merchant_id == _lots.c.merchant_id,
    _reversals.c.reverses_id == _lots.c.points_entry_id,
)
_lot_left = _lots.c.points - _sum(_uses.c.points, _uses.c.lot_id == _lots.c.id)

_brought = _wallet.alias("brought")
_brought_by = and_(
    _brought.c.merchant_id == _recharges.c.merchant_id, _brought.c.cause == _recharges.c.cause
)
_went_back = (
    select(func.coalesce(func.sum(_wallet.c.principal_fen), 0))
    .where(_wallet.c.reverses_id == _brought.c.id, _wallet.c.kind == WalletKind.REVERSE)
    .correlate(_brought)
    .scalar_subquery()
)

INVARIANTS = (
    Invariant(
        "points.balance",
        "会员的积分等于积分流水之和（V-01）",
        "member",
        by(
            select(_members.c.id).where(
                _members.c.points != _sum(_points.c.change, _theirs(_points))
            )
        ),
    ),
    Invariant(
        "points.chain",
        "积分流水首尾相接、序号连续（V-03、V-04）",
        "points_entry",
        by(_breaks(_points, ("change", "balance_after"))),
    ),
    Invariant(
        "points.lots",
        "会员的积分等于其批次所余之和（V-07）",
        "member",
        by(
            select(_members.c.id).where(
                _members.c.points != _sum(_lots.c.remaining, _theirs(_lots))
            )
        ),
    ),
    Invariant(
        "points.lot",
        "批次所余等于批次减去使用（V-07）",
        "points_lot",
        by(select(_lots.c.id).where(_lots.c.remaining != _lot_left)),
    ),
    Invariant(
        "points.expired",
        "过期的积分没有被使用（V-08）",
        "points_lot_use",
        by(
            select(_uses.c.id)
            .join(_lots, _lots.c.id == _uses.c.lot_id)
            .join(_points, _points.c.id == _uses.c.points_entry_id)
            .where(
                _uses.c.points > 0,
                _uses.c.at >= _lots.c.expires_at,
                _points.c.kind.in_(_USES_GOOD_POINTS),
            )
        ),
    ),
    Invariant(
        "points.reversal",
        "冲回的积分不超过原来的（V-09）",
        "points_entry",
        by(_over_reversed(_points, "change")),
    ),
    Invariant(
        "points.taken_back",
        "冲回所得的积分只从它自己的批次取（R-25）",
        "points_lot_use",
        by(
            select(_uses.c.id)
            .join(_lots, _lots.c.id == _uses.c.lot_id)
            .join(_points, _points.c.id == _uses.c.points_entry_id)
            .where(
                _uses.c.points > 0,
                _points.c.kind == EntryKind.REVERSE,
                _points.c.reverses_id != _lots.c.points_entry_id,
            )
        ),
    ),
    Invariant(
        "points.owed",
        "只有冲回过且已用完的批次欠回积分，所欠不超过未冲回的（R-25）",
        "points_lot",
        by(
            select(_lots.c.id).where(
                _lots.c.owed > 0,
                or_(
                    _lots.c.remaining > 0,
                    not_(exists().where(_reversed_of_lot)),
                    _lots.c.owed - _sum(_reversals.c.change, _reversed_of_lot) > _lots.c.points,
                ),
            )
        ),
    ),
    Invariant(
        "wallet.balance",
        "会员的本金和赠金各等于储值流水之和（V-01）",
        "member",
        by(
            select(_members.c.id).where(
                or_(
                    _members.c.principal_fen != _sum(_wallet.c.principal_fen, _theirs(_wallet)),
                    _members.c.bonus_fen != _sum(_wallet.c.bonus_fen, _theirs(_wallet)),
                )
            )
        ),
    ),
    Invariant(
        "wallet.chain",
        "储值流水首尾相接、序号连续（V-03、V-04）",
        "wallet_entry",
        by(_breaks(_wallet, ("principal_fen", "principal_after"), ("bonus_fen", "bonus_after"))),
    ),
    Invariant(
        "wallet.refund",
        "退回的余额不超过原来支付的（V-09）",
        "wallet_entry",
        by(_over_reversed(_wallet, "principal_fen", "bonus_fen")),
    ),
    Invariant(
        "recharge.reversed",
        "撤销的充值恰有全额的撤销流水，其他充值没有",
        "recharge",
        by(
            select(_recharges.c.id)
            .join(_brought, _brought_by)
            .where(
                _went_back
                + case((_recharges.c.reversed_at.is_(None), 0), else_=_brought.c.principal_fen)
                != 0
            )
        ),
    ),
    Invariant(
        "member.recharged",
        "会员的累计充值与未撤销的充值记录一致",
        "member",
        by(
            select(_members.c.id).where(
                _members.c.recharged_fen
                != _sum(
                    _recharges.c.principal_fen,
                    _theirs(_recharges),
                    _recharges.c.reversed_at.is_(None),
                )
            )
        ),
    ),
)
