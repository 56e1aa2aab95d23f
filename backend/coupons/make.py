"""券的生成: coupons are made from the pieces of a grant, (grant, piece) keeping each single.

For one member in one INSERT; for a wave by INSERT … SELECT over grants and the pieces of their
offers. Neither looks before it writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import FromClause, insert, literal, select

from backend import tenancy
from backend.calendar import Span
from backend.coupons.models import Coupon, CouponSource, CouponState
from backend.database import UtcDateTime, changed, db, table_of

_coupons = table_of(Coupon)
_MADE = insert(_coupons).returning(_coupons.c.id)


@dataclass(frozen=True)
class PromisedPiece:
    """One coupon that a grant promises to its holder, and when it may be used. ``voucher_id``: the
    mall's voucher that it is made for."""

    grant_id: int
    piece: int
    member_id: int
    campaign_id: int
    template_id: int
    revision_id: int
    use_window: Span
    voucher_id: int | None = None


def from_grants(pieces: Sequence[PromisedPiece], *, now: datetime) -> list[int]:
    """The coupons of these pieces in the card pack, claimed now; answers their ids."""
    if not pieces:
        return []
    rows = [
        {
            "merchant_id": tenancy.merchant_id(),
            "grant_id": piece.grant_id,
            "piece": piece.piece,
            "member_id": piece.member_id,
            "campaign_id": piece.campaign_id,
            "template_id": piece.template_id,
            "revision_id": piece.revision_id,
            "state": CouponState.USABLE.value,
            "source": (CouponSource.LOCAL if piece.voucher_id is None else CouponSource.MALL).value,
            "voucher_id": piece.voucher_id,
            "valid_from": piece.use_window.start,
            "valid_until": piece.use_window.end,
            "claimed_at": now,
        }
        for piece in pieces
    ]
    made = db.session.connection().execute(_MADE, rows)
    return sorted(made.scalars())


def from_crowd(pieces: FromClause, *, use_window: Span, now: datetime) -> int:
    """Coupons of a whole crowd in one statement; answers how many.

    ``pieces`` has the columns grant_id, piece, member_id, campaign_id, template_id, revision_id.
    """
    columns = ("grant_id", "piece", "member_id", "campaign_id", "template_id", "revision_id")
    constants = {
        "merchant_id": literal(tenancy.merchant_id()),
        "state": literal(CouponState.USABLE.value),
        "source": literal(CouponSource.LOCAL.value),
        "valid_from": literal(use_window.start, UtcDateTime()),
        "valid_until": literal(use_window.end, UtcDateTime()),
        "claimed_at": literal(now, UtcDateTime()),
    }
    rows = select(*(pieces.c[name] for name in columns), *constants.values())
    return changed(insert(_coupons).from_select([*columns, *constants], rows))
