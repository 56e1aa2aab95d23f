"""卡包: the coupons of one person, in one or two statements however many they are.

Every id of the person is asked for (``members.queries.ids_of``): a joined member's coupons are the
survivor's. States are true at the instant.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    and_,
    bindparam,
    literal,
    or_,
    tuple_,
)

from backend import tenancy
from backend.campaigns.models import Campaign
from backend.card_pack.view import CouponView, store_cards, view
from backend.coupons.errors import CouponNotFound
from backend.coupons.models import (
    IS_CLOSED,
    IS_OPEN,
    Coupon,
    CouponState,
    CouponTemplate,
    TemplateRevision,
)
from backend.coupons.numbers import coupon_numbers, meant_by
from backend.database import UtcDateTime, db, table_of
from backend.errors import FieldError, ParamError
from backend.merchants.models import Merchant
from backend.redemption.coupon_rows import coupon_rows

_coupons, _templates = table_of(Coupon), table_of(CouponTemplate)
_revisions, _campaigns = table_of(TemplateRevision), table_of(Campaign)
_merchants = table_of(Merchant)


class Shown(StrEnum):
    """Which coupons a list shows."""

    USABLE = "usable"
    LOCKED = "locked"
    GIFTING = "gifting"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ALL = "all"


@dataclass(frozen=True)
class Page:
    """One page of a list; ``next_cursor`` goes on after it."""

    items: list[CouponView]
    next_cursor: str | None


def coupons_of(
    member_ids: Sequence[int],
    *,
    state: Shown = Shown.USABLE,
    limit: int = 20,
    cursor: str | None = None,
    now: datetime,
) -> Page:
    """The person's coupons, the soonest to expire first."""
    place = (_coupons.c.valid_until, _coupons.c.id)
    wanted = [_coupons.c.member_id.in_(member_ids), _in_state(state, now)]
    if cursor is not None:
        wanted.append(tuple_(*place) > tuple_(*_read_cursor(cursor)))
    rows = _read(_rows().where(*wanted).order_by(*place).limit(limit + 1))
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return Page(_views(rows[:limit], now), _cursor(last) if last else None)


def coupon_of(member_ids: Sequence[int], number: str, *, now: datetime) -> CouponView:
    """The person's coupon of this number; CouponNotFound for anybody else's."""
    if meant := meant_by(number):
        column = _coupons.c.voucher_id if meant.is_voucher else _coupons.c.id
        mine = (column == meant.row_id, _coupons.c.member_id.in_(member_ids))
        for found in _views(_read(_rows().where(*mine)), now):
            return found
    raise CouponNotFound()


def by_id(coupon_id: int, *, now: datetime) -> CouponView:
    """The merchant's coupon of this row id; CouponNotFound."""
    for found in by_ids([coupon_id], now=now):
        return found
    raise CouponNotFound()


def by_ids(coupon_ids: Sequence[int], *, now: datetime) -> list[CouponView]:
    """These coupons of the merchant, in the order of the ids; unknown ones are left out."""
    if not coupon_ids:
        return []
    found = _views(_read(_these(), {"coupons": list(coupon_ids)}), now)
    place = {coupon_id: at for at, coupon_id in enumerate(coupon_ids)}
    return sorted(found, key=lambda coupon: place[coupon.id])


def _in_state(state: Shown, now: datetime) -> ColumnElement[bool]:
    current, lock = _coupons.c.valid_until > now, _coupons.c.locked_until
    stored = _coupons.c.state
    locked = and_(stored == CouponState.LOCKED, or_(lock.is_(None), lock > now))
    match state:
        case Shown.ALL:
            return or_(IS_OPEN, IS_CLOSED)
        case Shown.USABLE:
            free = or_(
                stored == CouponState.USABLE, and_(stored == CouponState.LOCKED, lock <= now)
            )
            return and_(IS_OPEN, current, free)
        case Shown.LOCKED:
            return and_(IS_OPEN, current, locked)
        case Shown.GIFTING:
            return and_(IS_OPEN, current, stored == CouponState.GIFTING)
        case Shown.EXPIRED:
            return and_(IS_OPEN, _coupons.c.valid_until <= now)
        case Shown.REDEEMED | Shown.REVOKED:
            return and_(IS_CLOSED, stored == state.value)


def _read(
    statement: Select[Any], asked: Mapping[str, object] | None = None
) -> Sequence[RowMapping]:
    mine = {"merchant": tenancy.merchant_id(), **(asked or {})}
    return db.session.connection().execute(statement, mine).mappings().all()


def _views(rows: Sequence[RowMapping], now: datetime) -> list[CouponView]:
    stores, named = store_cards(rows), coupon_numbers()
    return [
        view(row, number=named.of(row["id"], row["voucher_id"]), stores=stores, now=now)
        for row in rows
    ]


@cache
def _rows() -> Select[Any]:
    """The merchant's coupons with all that is told about them."""
    return (
        coupon_rows()
        .add_columns(
            _coupons.c.claimed_at,
            _revisions.c.giftable,
            _templates.c.code.label("template_code"),
            _campaigns.c.code.label("campaign_code"),
            _campaigns.c.name.label("campaign_name"),
            _campaigns.c.description.label("campaign_description"),
            _merchants.c.zone,
        )
        .join(_merchants, _merchants.c.id == _coupons.c.merchant_id)
        .join(_campaigns, _campaigns.c.id == _coupons.c.campaign_id)
    )


@cache
def _these() -> Select[Any]:
    return _rows().where(_coupons.c.id.in_(bindparam("coupons", expanding=True)))


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _cursor(row: RowMapping) -> str:
    micros = (row["valid_until"] - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{micros}.{row['id']}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[ColumnElement[datetime], int]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        micros, coupon_id = base64.urlsafe_b64decode(padded).decode("ascii").split(".")
        if not (coupon_id.isdigit() and len(coupon_id) < 19):
            raise ValueError("not a row id")
        at = _EPOCH + timedelta(microseconds=int(micros))
        return literal(at, UtcDateTime()), int(coupon_id)
    except (ValueError, OverflowError, binascii.Error):
        raise ParamError(errors=[FieldError(field="cursor", message="填写有误")]) from None
