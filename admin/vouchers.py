"""票券档案 (S1-26): every coupon with its number, source, holder and use. 供货订单 (S1-25): what
malls have sold, linked or not, used, refunded, with its sums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, exists, func, select

from admin import access, member_filters, queries, words
from admin.base import NOBODY, SecureModelView, Tab
from admin.columns import Column, Word, coupon_number, instant, money, phones, status, word
from admin.coupons import Coupons
from admin.filters import Asked, Choice, DayRange, equals
from admin.member_page import state_of
from admin.rights import Right
from backend import clock
from backend.campaigns.models import Campaign, Grant
from backend.coupons.models import Coupon, CouponSource
from backend.coupons.numbers import coupon_numbers, meant_by
from backend.database import db
from backend.members.models import Member
from backend.merchants.models import Store
from backend.redemption.models import Redemption
from backend.sales.models import Bill
from backend.vouchers.models import MallShop, MallVoucher, VoucherState

SOURCES = {CouponSource.LOCAL.value: "本地", CouponSource.MALL.value: "商城"}
SOLD, LINKED, USED, REFUNDED = "waiting", "linked", "redeemed", "revoked"
ORDER_STATES = {
    SOLD: Word("待关联", "warn"),
    LINKED: Word("已关联", "ok"),
    USED: Word("已核销", "info"),
    REFUNDED: Word("已退款"),
}
_IS_USED = exists().where(Redemption.live_key == MallVoucher.coupon_id)


@dataclass(frozen=True)
class FileRow:
    """票券档案."""

    id: int
    number: str
    title: str
    source: str
    nickname: str
    phone: str | None
    campaign: str
    state: str
    granted_at: datetime | None
    claimed_at: datetime
    redeemed_at: datetime | None
    store: str
    by: str
    bill: str


class VoucherFile(Coupons):
    """票券档案. Read only: what is to be done with a coupon is done in 券码明细."""

    edit_right = None  # type: ignore[assignment]
    icon = "fa-archive"
    noun = "票券"
    empty_help = "发出的券和商城卖出并已关联的票券会出现在这里；还没关联的在“供货订单”"
    can_view_details = False
    columns = (  # type: ignore[assignment]
        Column("number", "消费号", css="nowrap"),
        Column("title", "券名称"),
        word("source", "来源", SOURCES),
        Column("nickname", "会员"),
        phones(),
        Column("campaign", "来源活动"),
        status("state", "状态", words.COUPON_STATES),
        instant("granted_at", "发放时间"),
        instant("claimed_at", "领取时间", sort=Coupon.claimed_at),
        instant("redeemed_at", "核销时间"),
        Column("store", "核销门店"),
        Column("by", "核销人"),
        Column("bill", "账单号"),
    )
    column_filters = (  # type: ignore[assignment]
        *Coupons.column_filters,
        Choice("来源", equals(Coupon.source), options=tuple(SOURCES.items())),
        Choice(
            "核销门店",
            lambda value: exists().where(
                Redemption.live_key == Coupon.id, Redemption.store_id == int(value)
            ),
            options=lambda: [(str(store.id), store.name) for store in queries.stores()],
        ),
    )

    def is_action_allowed(self, name: str) -> bool:
        return False

    def rows(self, found: Sequence[Coupon]) -> list[FileRow]:  # type: ignore[override]
        now, named = clock.now(), coupon_numbers()
        people = queries.people({coupon.member_id for coupon in found})
        titles = queries.titles({coupon.revision_id for coupon in found})
        campaigns = queries.names(Campaign, {coupon.campaign_id for coupon in found})
        used = queries.live_redemptions([coupon.id for coupon in found])
        granted = _granted({coupon.grant_id for coupon in found})
        bills = _bills([coupon.id for coupon in found])
        return [
            FileRow(
                id=coupon.id,
                number=coupon_number(named.of(coupon.id, coupon.voucher_id)),
                title=titles.get(coupon.revision_id, ""),
                source=coupon.source,
                nickname=people[coupon.member_id].nickname,
                phone=people[coupon.member_id].phone,
                campaign=campaigns.get(coupon.campaign_id, ""),
                state=state_of(coupon, now=now),
                granted_at=granted.get(coupon.grant_id),
                claimed_at=coupon.claimed_at,
                redeemed_at=used[coupon.id].at if coupon.id in used else None,
                store=used[coupon.id].store if coupon.id in used else "",
                by=used[coupon.id].by if coupon.id in used else "",
                bill=bills.get(coupon.id, ""),
            )
            for coupon in found
        ]


@dataclass(frozen=True)
class OrderRow:
    """供货订单."""

    id: int
    sold_at: datetime
    order_number: str
    product: str
    voucher: str
    number: str
    shop: str
    nickname: str
    phone: str | None
    paid_fen: int
    state: str
    redeemed_at: datetime | None
    refunded_at: datetime | None


class MallOrders(SecureModelView):
    """供货订单."""

    right = Right.MALLS
    icon = "fa-shopping-cart"
    noun = "供货订单"
    empty_help = "绑定商城店铺后，商城卖出的票券会立即出现在这里"
    can_export = True
    summary_template = "desk/order_sums.html"
    tabs = (
        Tab("", "全部"),
        Tab(SOLD, "待关联", lambda _now: MallVoucher.state == VoucherState.WAITING),
        Tab(LINKED, "已关联", lambda _now: (MallVoucher.state == VoucherState.LINKED) & ~_IS_USED),
        Tab(USED, "已核销", lambda _now: _IS_USED),
        Tab(REFUNDED, "已退款", lambda _now: MallVoucher.state == VoucherState.REVOKED),
    )
    columns = (
        instant("sold_at", "售出时间", sort=MallVoucher.sold_at),
        Column("order_number", "商城订单号", css="nowrap"),
        Column("product", "商品编号"),
        Column("voucher", "商城票券"),
        Column("number", "消费号", css="nowrap"),
        Column("shop", "店铺"),
        Column("nickname", "买家"),
        phones(),
        money("paid_fen", "实付", sort=MallVoucher.paid_fen),
        status("state", "状态", ORDER_STATES),
        instant("redeemed_at", "核销时间"),
        instant("refunded_at", "退款时间"),
    )
    column_filters = (
        Asked("商城订单号", equals(MallVoucher.order_number)),
        Asked("消费号", lambda said: _numbered(said), placeholder="消费号或商城票券"),
        Asked("商品编号", equals(MallVoucher.product)),
        member_filters.by_phone(MallVoucher),
        DayRange("售出时间", MallVoucher.sold_at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        stores = access.desk().stores
        if stores is None:
            return ()
        theirs = select(Store.id).where(Store.code.in_(stores))
        return (MallVoucher.shop_id.in_(select(MallShop.id).where(MallShop.store_id.in_(theirs))),)

    def summary(self, filters: Sequence[tuple[int, str, str]]) -> Mapping[str, object]:
        """What was sold, and of it what was linked, used and refunded, in vouchers and money."""
        query = db.session.query(MallVoucher).filter(*self.visible())
        for place, _name, said in filters:
            flt = self._filters[place]
            query = flt.apply(query, flt.clean(said))
        conditions = {
            "售出": MallVoucher.id.is_not(None),
            "待关联": MallVoucher.state == VoucherState.WAITING,
            "已核销": _IS_USED,
            "已退款": MallVoucher.state == VoucherState.REVOKED,
        }
        sums = [
            func.sum(case((condition, value), else_=0))
            for condition in conditions.values()
            for value in (1, MallVoucher.paid_fen)
        ]
        found = [int(each or 0) for each in query.with_entities(*sums).one()]
        return {
            "lines": [
                (label, found[2 * place], found[2 * place + 1])
                for place, label in enumerate(conditions)
            ]
        }

    def rows(self, found: Sequence[MallVoucher]) -> list[OrderRow]:
        named = coupon_numbers()
        buyers = _survivors({voucher.member_id for voucher in found})
        people = queries.people(set(buyers.values()))
        used = queries.live_redemptions([each.coupon_id for each in found if each.coupon_id])
        shops = _shop_names({voucher.shop_id for voucher in found})
        return [
            OrderRow(
                id=voucher.id,
                sold_at=voucher.sold_at,
                order_number=voucher.order_number,
                product=voucher.product,
                voucher=voucher.voucher,
                number=coupon_number(named.of_voucher(voucher.id)),
                shop=shops.get(voucher.shop_id, ""),
                nickname=people[buyers[voucher.member_id]].nickname,
                phone=people[buyers[voucher.member_id]].phone,
                paid_fen=voucher.paid_fen,
                state=USED if voucher.coupon_id in used else voucher.state,
                redeemed_at=used[voucher.coupon_id].at if voucher.coupon_id in used else None,
                refunded_at=voucher.refunded_at,
            )
            for voucher in found
        ]


def _numbered(said: str) -> ColumnElement[bool]:
    meant = meant_by(said)
    named = NOBODY if meant is None or not meant.is_voucher else MallVoucher.id == meant.row_id
    return named | (MallVoucher.voucher == said)


def _survivors(member_ids: set[int]) -> dict[int, int]:
    """Who these buyers are by now: some were joined into others."""
    rows = db.session.execute(
        select(Member.id, func.coalesce(Member.alias_of_id, Member.id)).where(
            Member.id.in_(member_ids)
        )
    )
    return {row[0]: row[1] for row in rows}


def _granted(grant_ids: set[int]) -> dict[int, datetime]:
    rows = db.session.execute(select(Grant.id, Grant.granted_at).where(Grant.id.in_(grant_ids)))
    return {row.id: row.granted_at for row in rows}


def _bills(coupon_ids: Sequence[int]) -> dict[int, str]:
    rows = db.session.execute(
        select(Redemption.live_key, Bill.number)
        .join(Bill, Bill.id == Redemption.bill_id)
        .where(Redemption.live_key.in_(coupon_ids))
    )
    return {row[0]: row[1] for row in rows if row[0] is not None}


def _shop_names(shop_ids: set[int]) -> dict[int, str]:
    rows = db.session.execute(
        select(MallShop.id, Store.name)
        .join(Store, Store.id == MallShop.store_id)
        .where(MallShop.id.in_(shop_ids))
    )
    return {row.id: row.name for row in rows}
