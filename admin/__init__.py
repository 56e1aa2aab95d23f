"""商家后台: the merchant's desk."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, redirect, url_for
from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme
from flask_babel import Babel
from jinja2 import StrictUndefined

from admin import access, columns, own_password, pages, words
from admin.audit_log import AuditLog
from admin.base import SecureModelView
from admin.bills import Bills
from admin.campaigns.view import Campaigns
from admin.cards import Cards
from admin.coupon_templates import Templates
from admin.coupons import Coupons
from admin.ledgers import PointsLedger, WalletLedger
from admin.level_changes import LevelChanges
from admin.levels import Levels
from admin.look_up import LookUp
from admin.malls import Malls
from admin.members import Members
from admin.messages import Messages
from admin.open_bills import OpenBills
from admin.overview import Overview
from admin.payments import Payments
from admin.people import People
from admin.profile import Profile
from admin.recharge_rules import RechargeRules
from admin.refused_bills import RefusedBills
from admin.stores import Stores
from admin.verifiers import Verifiers
from admin.vouchers import MallOrders, VoucherFile
from backend import requesting
from backend.campaigns.models import Campaign
from backend.coupons import numbers
from backend.coupons.models import Coupon, CouponTemplate
from backend.database import Model, db
from backend.members.models import LevelChange, Member, MemberCard, MemberLevel
from backend.merchants.models import AuditEntry, Staff, Store, Verifier
from backend.messaging.models import Intent
from backend.open_bills.models import OpenBill, ScanPayment
from backend.points.models import PointsEntry
from backend.sales.models import Bill, RefusedBill
from backend.version import VERSION
from backend.vouchers.models import MallShop, MallVoucher
from backend.wallet.models import WalletEntry

_VIEWS: Sequence[tuple[type[SecureModelView], type[Model], str, str, str]] = (
    (Campaigns, Campaign, "营销活动", "营销", "campaigns"),
    (Templates, CouponTemplate, "券模板", "营销", "templates"),
    (Coupons, Coupon, "券码明细", "营销", "coupons"),
    (Members, Member, "会员列表", "会员", "members"),
    (Levels, MemberLevel, "会员等级", "会员", "levels"),
    (LevelChanges, LevelChange, "等级变更", "会员", "level-changes"),
    (PointsLedger, PointsEntry, "积分流水", "会员", "points"),
    (WalletLedger, WalletEntry, "储值流水", "会员", "wallet"),
    (Cards, MemberCard, "实体卡", "会员", "cards"),
    (Messages, Intent, "消息记录", "会员", "messages"),
    (Bills, Bill, "账单", "门店", "bills"),
    (OpenBills, OpenBill, "桌上账单", "门店", "open-bills"),
    (Payments, ScanPayment, "扫码支付", "门店", "scan-payments"),
    (RefusedBills, RefusedBill, "离线补传", "门店", "refused-bills"),
    (Malls, MallShop, "聚微量票券关联", "商城", "malls"),
    (MallOrders, MallVoucher, "供货订单", "商城", "orders"),
    (VoucherFile, Coupon, "票券档案", "商城", "vouchers"),
    (Stores, Store, "门店", "门店", "stores"),
    (Verifiers, Verifier, "核销员", "门店", "verifiers"),
    (People, Staff, "员工", "系统", "staff"),
    (AuditLog, AuditEntry, "操作日志", "系统", "audit"),
)
"""Each list with its model, its name and place in the menu, and its part of the address."""


@dataclass(frozen=True)
class MenuItem:
    """One line of the left menu."""

    name: str
    url: str
    icon: str
    view: Any


@dataclass(frozen=True)
class MenuGroup:
    """A group of the left menu; the first has no name."""

    group: str
    items: Sequence[MenuItem]


def register(app: Flask) -> None:
    """Bring the desk's pages to the app."""
    app.config["BABEL_DEFAULT_LOCALE"] = "zh_Hans_CN"
    Babel(app)
    access.register(app)
    admin = Admin(
        app,
        name="券包",
        index_view=Overview(name="经营概览", url="/admin", endpoint="admin"),
        theme=Bootstrap4Theme(base_template="desk/base.html", fluid=True),
    )
    for view, model, name, category, endpoint in _VIEWS:
        admin.add_view(view(model, db, name=name, category=category, endpoint=endpoint))
    admin.add_view(LookUp(name="查券", category="门店", endpoint="look-up"))
    admin.add_view(RechargeRules(name="充值规则", category="系统", endpoint="recharge"))
    admin.add_view(Profile(name="商家信息", category="系统", endpoint="profile"))
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(own_password.blueprint)
    app.add_url_rule("/", "root", lambda: redirect("/admin/"))
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.globals.update(
        asset=_asset,
        at_desk=access.at_desk,
        badge=columns.badge,
        desk_menu=lambda: _menu(admin),
        masked_phone=columns.masked_phone,
        may=access.may,
        moment=columns.moment,
        phone=columns.phone,
        plain=columns.plain,
        request_name=requesting.request_id,
        role_label=lambda role: words.ROLES[role],
        slot_time=columns.time_of_day,
        spaced=numbers.spaced,
        version=VERSION,
        weekday=columns.weekday,
        words=words,
        yuan=columns.yuan,
    )


def _menu(admin: Admin) -> list[MenuGroup]:
    """What this person may open, grouped as on the left."""
    groups: dict[str, list[MenuItem]] = {}
    for view in admin._views:
        if view.is_accessible():
            item = MenuItem(
                view.name, url_for(f"{view.endpoint}.{view._default_view}"), view.icon, view
            )
            groups.setdefault(view.category or "", []).append(item)
    return [MenuGroup(name, items) for name, items in groups.items()]


def _asset(name: str) -> str:
    return url_for("desk.static", filename=name, v=_fingerprint(name))


@cache
def _fingerprint(name: str) -> str:
    content = (Path(__file__).parent / "static" / name).read_bytes()
    return hashlib.sha256(content).hexdigest()[:10]
