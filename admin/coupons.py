"""券码明细: every coupon, what happened to it, and taking an unused one back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, flash, redirect, request
from sqlalchemy import ColumnElement, select, text, union_all

from admin import access, member_filters, queries, words
from admin.access import batch, page
from admin.base import NOBODY, SecureModelView, Tab
from admin.columns import Column, coupon_number, instant, money, phones, status
from admin.filters import Asked, Choice, DayRange
from admin.member_page import state_of
from admin.rights import Right
from admin.tickets import ticket_of
from backend import clock
from backend.campaigns.models import Campaign, Grant
from backend.coupons import states
from backend.coupons.models import Coupon, CouponState, CouponTemplate
from backend.coupons.numbers import coupon_numbers, meant_by, spaced
from backend.database import db, table_of, transactional

_OPEN = (CouponState.USABLE, CouponState.LOCKED, CouponState.GIFTING)


@dataclass(frozen=True)
class CouponRow:
    """券 as the list shows it."""

    id: int
    number: str
    title: str
    nickname: str
    phone: str | None
    campaign: str
    state: str
    claimed_at: datetime
    valid_until: datetime
    redeemed_at: datetime | None
    store: str
    reduction_fen: int | None


def _numbered(said: str) -> ColumnElement[bool]:
    meant = meant_by(said)
    if meant is None:
        return NOBODY
    return (Coupon.voucher_id if meant.is_voucher else Coupon.id) == meant.row_id


# Spelt out, so that the partial indexes of SQLite and PostgreSQL are seen to hold them.
_HELD = (
    text("held.state in ('usable', 'locked', 'gifting')"),
    text("held.state in ('redeemed', 'revoked')"),
)


def _with_phone(said: str) -> ColumnElement[bool]:
    """Coupons of whoever has this phone, by the two indexes that hold a person's coupons."""
    held = table_of(Coupon).alias("held")
    theirs = member_filters.with_phone(held.c.member_id, said)
    found: ColumnElement[bool] = Coupon.id.in_(
        union_all(*(select(held.c.id).where(states, theirs) for states in _HELD))
    )
    return found


def _templates() -> list[tuple[str, str]]:
    rows = db.session.execute(
        select(CouponTemplate.id, CouponTemplate.title)
        .order_by(CouponTemplate.id.desc())
        .limit(200)
    )
    return [(str(row.id), row.title) for row in rows]


class Coupons(SecureModelView):
    """券码明细."""

    right = Right.COUPONS
    edit_right = Right.REVOKE_COUPONS
    icon = "fa-list-alt"
    noun = "券"
    empty_help = "活动发出并被领取的券会出现在这里"
    can_view_details = can_export = True
    row_template = "desk/coupon_row.html"
    details_template = "desk/coupon.html"
    tabs = (
        Tab("", "全部"),
        Tab(
            "usable",
            "未使用",
            lambda now: (Coupon.state == CouponState.USABLE) & (Coupon.valid_until > now),
        ),
        Tab(
            "locked",
            "锁定中",
            lambda now: (Coupon.state == CouponState.LOCKED) & (Coupon.valid_until > now),
        ),
        Tab("redeemed", "已核销", lambda _now: Coupon.state == CouponState.REDEEMED),
        Tab("expired", "已过期", lambda now: Coupon.state.in_(_OPEN) & (Coupon.valid_until <= now)),
        Tab("revoked", "已作废", lambda _now: Coupon.state == CouponState.REVOKED),
    )
    columns = (
        Column("number", "券码", css="nowrap"),
        Column("title", "券名称"),
        Column("nickname", "会员"),
        phones(),
        Column("campaign", "来源活动"),
        status("state", "状态", words.COUPON_STATES),
        instant("claimed_at", "领取时间", sort=Coupon.claimed_at),
        instant("valid_until", "到期时间", sort=Coupon.valid_until),
        instant("redeemed_at", "核销时间"),
        Column("store", "核销门店"),
        money("reduction_fen", "优惠金额"),
    )
    column_filters = (
        Asked("券码", _numbered, placeholder="12 位券码"),
        Asked("手机号", _with_phone, placeholder="完整手机号"),
        Choice("券名称", lambda value: Coupon.template_id == int(value), options=_templates),
        Choice(
            "来源活动",
            lambda value: Coupon.campaign_id == int(value),
            options=queries.campaign_choices,
        ),
        DayRange("领取时间", Coupon.claimed_at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        stores = access.desk().stores
        return () if stores is None else (queries.coupons_at_stores(stores),)

    def order(self) -> Sequence[Any]:
        return (Coupon.claimed_at.desc(), Coupon.id.desc())

    def rows(self, found: Sequence[Coupon]) -> list[CouponRow]:
        now = clock.now()
        people = queries.people({coupon.member_id for coupon in found})
        titles = queries.titles({coupon.revision_id for coupon in found})
        campaigns = queries.names(Campaign, {coupon.campaign_id for coupon in found})
        used = queries.live_redemptions([coupon.id for coupon in found])
        return [
            CouponRow(
                id=coupon.id,
                number=coupon_number(coupon_numbers().of(coupon.id, coupon.voucher_id)),
                title=titles.get(coupon.revision_id, ""),
                nickname=people[coupon.member_id].nickname,
                phone=people[coupon.member_id].phone,
                campaign=campaigns.get(coupon.campaign_id, ""),
                state=state_of(coupon, now=now),
                claimed_at=coupon.claimed_at,
                valid_until=coupon.valid_until,
                redeemed_at=used[coupon.id].at if coupon.id in used else None,
                store=used[coupon.id].store if coupon.id in used else "",
                reduction_fen=used[coupon.id].reduction_fen if coupon.id in used else None,
            )
            for coupon in found
        ]

    def facts(self, row: Coupon) -> Mapping[str, object]:
        revision = queries.revisions([row.revision_id])[row.revision_id]
        grant = db.session.scalars(select(Grant).where(Grant.id == row.grant_id)).one_or_none()
        return {
            "row": row,
            "number": coupon_number(coupon_numbers().of(row.id, row.voucher_id)),
            "state": state_of(row, now=clock.now()),
            "revision": revision,
            "ticket": ticket_of(revision),
            "person": queries.people([row.member_id])[row.member_id],
            "campaign": queries.names(Campaign, [row.campaign_id]).get(row.campaign_id, ""),
            "grant": grant,
            "events": queries.events_of(row.id),
            "redemptions": queries.redemptions_of(row.id),
        }

    @page("/revoke/", methods=("POST",))
    def revoke(self) -> Response:
        """作废 one unused coupon, with a reason."""
        access.need(Right.REVOKE_COUPONS)
        coupon = self.one(request.form.get("id"))
        reason = request.form.get("reason", "").strip()[:60]
        if not reason:
            flash("请填写作废原因", "error")
        elif _revoked(coupon, reason):
            flash("已作废")
        else:
            flash("这张券已核销、过期或作废，没有改变", "error")
        return redirect(self.get_url(".details_view", id=coupon.id))  # type: ignore[return-value]

    @batch(
        "revoke", "批量作废", "作废后顾客不能再使用这些券，且不能恢复；已核销、已过期的不受影响。"
    )
    def revoke_many(self, ids: Sequence[str]) -> None:
        """作废 the unused ones among the chosen; the others are left and counted."""
        done = [_revoked(coupon, "批量作废") for coupon in self.chosen(ids)]
        flash(f"已作废 {sum(done)} 张，跳过 {len(done) - sum(done)} 张")


@transactional
def _revoked(coupon: Coupon, reason: str) -> bool:
    """The coupon is taken back and the log says so; False: it is used, over or taken already."""
    now = clock.now()
    if state_of(coupon, now=now) != CouponState.USABLE:
        return False
    number = spaced(coupon_numbers().of(coupon.id, coupon.voucher_id))
    actor = access.desk().actor
    if not states.revoke(coupon.id, actor=actor, cause=f"desk: {reason}", now=now):
        return False
    access.record("coupon.revoke", f"券 {number}", after={"reason": reason})
    return True
