"""券的事实: coupons as the decisions read them, with holder and live redemption, at one stroke."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select, text, union

from backend import tenancy
from backend.coupons.applicability import Standing
from backend.coupons.models import IS_OPEN, Coupon, CouponState, TemplateRevision
from backend.coupons.numbers import coupon_numbers
from backend.coupons.promise import Promise
from backend.database import db, table_of
from backend.members.models import Member
from backend.redemption.coupon_rows import coupon_rows
from backend.vouchers.models import MallVoucher

_coupons, _members = table_of(Coupon), table_of(Member)
_revisions, _vouchers = table_of(TemplateRevision), table_of(MallVoucher)


@dataclass(frozen=True)
class CouponFacts:
    """One coupon: what it promised, where it stands, who holds it."""

    id: int
    voucher_id: int | None
    template_id: int
    campaign_id: int
    source: str
    holder_id: int
    holder_nickname: str
    holder_phone: str | None
    notice: str
    promise: Promise
    standing: Standing

    @property
    def number(self) -> str:
        """券号."""
        return self.promise.number

    @property
    def title(self) -> str:
        """券名."""
        return self.promise.title


def coupon(coupon_id: int) -> CouponFacts | None:
    """The coupon of a row id, if it is this merchant's."""
    return next(iter(_read(_one(), {"coupon": coupon_id})), None)


def coupon_of_voucher(voucher_id: int) -> CouponFacts | None:
    """The coupon that a mall's voucher of this merchant has become, if it has."""
    return next(iter(_read(_of_voucher(), {"voucher": voucher_id})), None)


def coupon_of_mall(voucher: str) -> CouponFacts | None:
    """The coupon that a mall's voucher has become, by the mall's own number of it."""
    return next(iter(_read(_of_mall(), {"voucher": voucher})), None)


def of_bill(
    coupon_ids: Sequence[int], voucher_ids: Sequence[int], *, bill: str
) -> list[CouponFacts]:
    """These coupons, by row or by voucher, and those that the bill has locked; by their ids."""
    asked = {"coupons": list(coupon_ids), "vouchers": list(voucher_ids), "bill": bill}
    return _read(_on_bill(), asked)


def held_by(member_ids: Sequence[int], *, at: datetime) -> list[CouponFacts]:
    """What a person could show at ``at``: not used, not revoked, not over."""
    return _read(_held(), {"members": list(member_ids), "at": at})


_IS_LOCKED = text("coupon.state = 'locked'")


def _read(statement: Select[Any], asked: Mapping[str, object]) -> list[CouponFacts]:
    ours = {"merchant": tenancy.merchant_id(), **asked}
    rows = db.session.connection().execute(statement, ours).mappings()
    named = coupon_numbers()
    return [
        CouponFacts(
            id=row["id"],
            voucher_id=row["voucher_id"],
            template_id=row["template_id"],
            campaign_id=row["campaign_id"],
            source=row["source"],
            holder_id=row["member_id"],
            holder_nickname=row["nickname"],
            holder_phone=row["phone"],
            notice=row["notice"],
            promise=Promise.read(row, number=named.of(row["id"], row["voucher_id"])),
            standing=Standing(
                CouponState(row["state"]),
                redeemed_at=row["redeemed_at"],
                redeemed_store=row["redeemed_store"] or "",
                locked_bill=row["locked_bill"],
                locked_until=row["locked_until"],
            ),
        )
        for row in rows
    ]


@cache
def _one() -> Select[Any]:
    return _statement().where(_coupons.c.id == bindparam("coupon"))


@cache
def _of_voucher() -> Select[Any]:
    return _statement().where(_coupons.c.voucher_id == bindparam("voucher"))


@cache
def _of_mall() -> Select[Any]:
    return (
        _statement()
        .join(_vouchers, _vouchers.c.id == _coupons.c.voucher_id)
        .where(
            _vouchers.c.merchant_id == bindparam("merchant"),
            _vouchers.c.voucher == bindparam("voucher"),
        )
    )


@cache
def _on_bill() -> Select[Any]:
    ours = select(_coupons.c.id).where(tenancy.owner(_coupons) == bindparam("merchant"))
    wanted = union(
        ours.where(_coupons.c.id.in_(bindparam("coupons", expanding=True))),
        ours.where(_coupons.c.voucher_id.in_(bindparam("vouchers", expanding=True))),
        ours.where(_coupons.c.locked_bill == bindparam("bill"), _IS_LOCKED),
    ).subquery("wanted")
    return _statement().join(wanted, wanted.c.id == _coupons.c.id).order_by(_coupons.c.id)


@cache
def _held() -> Select[Any]:
    return _statement().where(
        _coupons.c.member_id.in_(bindparam("members", expanding=True)),
        IS_OPEN,
        _coupons.c.valid_until > bindparam("at"),
    )


def _statement() -> Select[Any]:
    """The merchant's coupons with all that is judged."""
    return (
        coupon_rows()
        .add_columns(
            _coupons.c.locked_bill,
            _revisions.c.scope,
            _revisions.c.hours,
            _revisions.c.combine,
            _revisions.c.max_per_bill,
            _revisions.c.notice,
            _members.c.nickname,
            _members.c.phone,
        )
        .join(_members, _members.c.id == _coupons.c.member_id)
    )
