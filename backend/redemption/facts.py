"""券的事实: coupons as the decisions read them, with holder and live redemption, at one stroke."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select, text, union

from backend import tenancy
from backend.coupons.applicability import Standing
from backend.coupons.kinds import CouponKind, parse_rule
from backend.coupons.models import Coupon, CouponState, CouponTemplate, TemplateRevision
from backend.coupons.numbers import coupon_numbers
from backend.coupons.promise import Promise
from backend.coupons.terms import Combine, Scope, UseHours
from backend.database import db, table_of
from backend.members.models import Member
from backend.merchants.models import Store
from backend.redemption.models import Redemption
from backend.vouchers.models import MallVoucher

_coupons, _members, _stores = table_of(Coupon), table_of(Member), table_of(Store)
_revisions, _templates = table_of(TemplateRevision), table_of(CouponTemplate)
_redemptions, _vouchers = table_of(Redemption), table_of(MallVoucher)


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


# Spelt out, so that the partial index of SQLite and PostgreSQL is seen to hold them.
_IS_OPEN = text("coupon.state in ('usable', 'locked', 'gifting')")
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
            promise=Promise(
                number=named.of(row["id"], row["voucher_id"]),
                title=row["title"],
                kind=CouponKind(row["kind"]),
                rule=parse_rule(CouponKind(row["kind"]), row["rule"]),
                valid_from=row["valid_from"],
                valid_until=row["valid_until"],
                minimum_fen=row["minimum_fen"],
                scope=Scope.model_validate(row["scope"]),
                stores="all"
                if row["stores"] is None or row["stores_now"] is None
                else _codes(row["stores"]) | _codes(row["stores_now"]),
                hours=UseHours.model_validate(row["hours"]),
                combine=Combine.model_validate(row["combine"]),
                max_per_bill=row["max_per_bill"],
            ),
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
        _IS_OPEN,
        _coupons.c.valid_until > bindparam("at"),
    )


def _statement() -> Select[Any]:
    """The merchant's coupons with all that is judged.

    Stores: those promised, and those added to the template since (R-21).
    """
    return (
        select(
            _coupons.c.id,
            _coupons.c.voucher_id,
            _coupons.c.template_id,
            _coupons.c.campaign_id,
            _coupons.c.member_id,
            _coupons.c.source,
            _coupons.c.state,
            _coupons.c.valid_from,
            _coupons.c.valid_until,
            _coupons.c.locked_bill,
            _coupons.c.locked_until,
            _revisions.c.title,
            _revisions.c.kind,
            _revisions.c.rule,
            _revisions.c.minimum_fen,
            _revisions.c.scope,
            _revisions.c.stores,
            _revisions.c.hours,
            _revisions.c.combine,
            _revisions.c.max_per_bill,
            _revisions.c.notice,
            _templates.c.stores.label("stores_now"),
            _members.c.nickname,
            _members.c.phone,
            _redemptions.c.at.label("redeemed_at"),
            _stores.c.name.label("redeemed_store"),
        )
        .join(_revisions, _revisions.c.id == _coupons.c.revision_id)
        .join(_templates, _templates.c.id == _coupons.c.template_id)
        .join(_members, _members.c.id == _coupons.c.member_id)
        .outerjoin(_redemptions, _redemptions.c.live_key == _coupons.c.id)
        .outerjoin(_stores, _stores.c.id == _redemptions.c.store_id)
        .where(tenancy.owner(_coupons) == bindparam("merchant"))
    )


def _codes(stores: Iterable[object]) -> frozenset[str]:
    return frozenset(str(code) for code in stores)
