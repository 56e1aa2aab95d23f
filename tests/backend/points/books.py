"""A member's points as their ledger shows them, for tests that look."""

from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members.models import Member
from backend.merchants.models import Merchant
from backend.points.models import PointsEntry, PointsLot
from tests.builders import Shop, reread


def points_of(shop: Shop, member_id: int) -> int:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalars(select(Member.points).where(Member.id == member_id)).one()


def entries_of(shop: Shop, member_id: int) -> list[tuple[str, int, int]]:
    """(kind, change, balance after), oldest first."""
    reread()
    with tenancy.acting_for(shop.merchant_id):
        rows = db.session.execute(
            select(PointsEntry.kind, PointsEntry.change, PointsEntry.balance_after)
            .where(PointsEntry.member_id == member_id)
            .order_by(PointsEntry.seq)
        )
        return [(row.kind, row.change, row.balance_after) for row in rows]


def lots_of(shop: Shop, member_id: int) -> list[tuple[int, int]]:
    """(points, remaining) of each lot, oldest first."""
    reread()
    with tenancy.acting_for(shop.merchant_id):
        rows = db.session.execute(
            select(PointsLot.points, PointsLot.remaining)
            .where(PointsLot.member_id == member_id)
            .order_by(PointsLot.earned_at, PointsLot.id)
        )
        return [(row.points, row.remaining) for row in rows]


def owed_by(shop: Shop, member_id: int) -> list[int]:
    """What each lot owes, oldest first."""
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return list(
            db.session.scalars(
                select(PointsLot.owed)
                .where(PointsLot.member_id == member_id)
                .order_by(PointsLot.earned_at, PointsLot.id)
            )
        )


def set_expiry(shop: Shop, expiry: str | int) -> None:
    with tenancy.across_merchants("a test sets a merchant's rule"):
        merchant = db.session.get_one(Merchant, shop.merchant_id)
        merchant.points = {"per_yuan": 100, "max_bp": 5000, "expiry": expiry}
        db.session.commit()
