"""People at the desk, and one row of everything that the desk lists."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta

from flask import Flask, g
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from backend import clock, tenancy
from backend.campaigns.models import Campaign, CampaignCoupon, Grant, Offer, Wave
from backend.coupons.bill import BillLine
from backend.coupons.models import Coupon, CouponTemplate
from backend.database import db, transaction
from backend.errors import ParamError
from backend.members import cards, level_list
from backend.members.level_list import Terms
from backend.members.levels import Figures
from backend.members.models import MemberCard
from backend.membership import levels
from backend.membership.recharging import recharge
from backend.merchants import audit, staff
from backend.merchants.models import AuditEntry, Role, Verifier
from backend.merchants.queries import place
from backend.messaging.models import Attempt, Intent
from backend.points import ledger as points
from backend.points.models import PointsEntry
from backend.redemption.redeem import Redeemer
from backend.sales import refused_bills
from backend.sales.bill import Bill as PaidBill
from backend.sales.bill import DishLine, Goods, Method, Tender
from backend.sales.models import Bill as BillRow
from backend.sales.models import RefusedBill
from backend.sales.settle import settle
from backend.vouchers.models import MallShop, MallVoucher
from backend.wallet.models import WalletEntry
from tests.builders import Shop, a_member, a_template, reread

PASSWORD = "correct-horse-7"


class Visitor:
    """A browser at the desk: keeps cookies, sends the page's CSRF token with every form."""

    def __init__(self, app: Flask) -> None:
        self.browser = app.test_client()
        self.token = ""

    def open(self, path: str, **options: object) -> TestResponse:
        _forget_last_request()
        answer = self.browser.get(path, **options)  # type: ignore[arg-type]
        if found := re.search(rb'name="csrf_token" value="([^"]+)"', answer.get_data()):
            self.token = found[1].decode()
        return answer

    def read(self, path: str) -> str:
        answer = self.open(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.get_data(as_text=True)

    def send(self, path: str, **form: object) -> TestResponse:
        _forget_last_request()
        content = {"csrf_token": self.token, **form}
        answer = self.browser.post(path, data=content)
        reread()
        return answer

    def sign_in(self, login: str, password: str = PASSWORD) -> TestResponse:
        self.open("/admin/login")
        answer = self.send("/admin/login", login=login, password=password)
        self.open("/admin/merchants" if answer.status_code == 302 else "/admin/login")
        return answer


def _forget_last_request() -> None:
    """The test's app context lives through all requests; what they keep in ``g`` must not."""
    for name in list(g):
        g.pop(name)


def a_person(shop: Shop, role: Role, *, stores: list[str] | None = None, login: str = "") -> str:
    """员工 with the tests' password; their login."""
    login = login or f"{role.value}-{shop.code}"
    merchant = None if role is Role.OPERATOR else shop.merchant_id
    staff.create(
        login,
        role=role,
        merchant_id=merchant,
        password=PASSWORD,
        stores=stores,
        actor="test",
        now=clock.now(),
    )
    return login


def at_desk(
    app: Flask, shop: Shop, role: Role = Role.OWNER, *, stores: list[str] | None = None
) -> Visitor:
    """Somebody of this role, signed in."""
    visitor = Visitor(app)
    login = a_person(shop, role, stores=stores)
    assert visitor.sign_in(login).status_code == 302
    return visitor


@dataclass(frozen=True)
class Rows:
    """One row's id per list, by the list's part of the address."""

    members: int
    templates: int
    campaigns: int
    coupons: int
    messages: int
    stores: int
    verifiers: int
    staff: int
    audit: int
    levels: int = 0
    level_changes: int = 0
    points: int = 0
    wallet: int = 0
    cards: int = 0
    bills: int = 0
    refused_bills: int = 0
    malls: int = 0
    orders: int = 0
    vouchers: int = 0

    def of(self, endpoint: str) -> int:
        found: int = getattr(self, endpoint.replace("-", "_"))
        return found


def one_of_each(shop: Shop, *, nickname: str = "王霞芳", coupons: int = 1) -> Rows:
    """A member with coupons and a message, a campaign, a verifier, a clerk, a log entry."""
    now = clock.now()
    member = a_member(shop, phone=f"138{shop.merchant_id:08d}", nickname=nickname, follows=True)
    template = a_template(shop, f"t-{shop.code}", title=f"{shop.code}代金券10元")
    clerk = a_person(shop, Role.READ_ONLY, login=f"clerk-{shop.code}")
    with transaction(), tenancy.acting_for(shop.merchant_id):
        campaign = Campaign(
            code=f"c-{shop.code}",
            kind="periodic",
            name=f"{shop.code}周四送券",
            tags=["拉新"],
            settings={
                "audience": {"mode": "dynamic", "match": "all", "conditions": []},
                "timetable": {"every": "week", "days": [4], "at": "10:00"},
                "claim_window": {"kind": "days", "days": 2},
                "coupons": [{"template": f"t-{shop.code}", "quantity": 1}],
            },
            created_at=now,
        )
        db.session.add(campaign)
        db.session.flush()
        offer = Offer(campaign_id=campaign.id, content_hash="x", quantity=coupons)
        intent = Intent(
            member_id=member,
            purpose="coupon_received",
            facts={},
            dedupe_key="one",
            state="unknown",
            queued_at=now,
            not_before=now,
            not_after=now + timedelta(days=1),
        )
        verifier = Verifier(member_id=member, name="小张", stores=["s01"], bound_at=now)
        wave = Wave(
            campaign_id=campaign.id,
            cycle="2026-11-19@10:00",
            planned_at=now - timedelta(days=4),
            catch_up_until=now - timedelta(days=3),
            state="done",
            matched=5,
            granted=2,
            excluded={"holds_coupon": 3},
            told=2,
        )
        given = CampaignCoupon(campaign_id=campaign.id, template_id=template)
        db.session.add_all([offer, intent, verifier, wave, given])
        db.session.flush()
        db.session.add(
            Attempt(
                intent_id=intent.id, channel="template", at=now, outcome="unknown", answer="rid"
            )
        )
        grant = Grant(
            campaign_id=campaign.id,
            cycle="2026-11-19@10:00",
            member_id=member,
            offer_id=offer.id,
            quantity=coupons,
            state="claimed",
            granted_at=now,
            claimed_at=now,
        )
        db.session.add(grant)
        db.session.flush()
        revision = db.session.get_one(CouponTemplate, template).revision_id
        made = [
            Coupon(
                grant_id=grant.id,
                piece=piece,
                member_id=member,
                campaign_id=campaign.id,
                template_id=template,
                revision_id=revision,
                valid_from=now,
                valid_until=now + timedelta(days=30),
                claimed_at=now,
            )
            for piece in range(1, coupons + 1)
        ]
        db.session.add_all(made)
        audit.record(
            "store.save", subject="门店", actor="boss", merchant_id=shop.merchant_id, now=now
        )
        db.session.flush()
        ids = [campaign.id, made[0].id, intent.id, verifier.id]
    reread()
    person = staff.find(clerk, merchant_id=shop.merchant_id)
    assert person is not None
    entry = _newest_entry(shop)
    rows = Rows(
        members=member,
        templates=template,
        campaigns=ids[0],
        coupons=ids[1],
        messages=ids[2],
        stores=shop.store_id,
        verifiers=ids[3],
        staff=person.id,
        audit=entry,
    )
    reread()
    return rows


def everything(shop: Shop, *, nickname: str = "王霞芳", coupons: int = 1) -> Rows:
    """One of each, and 银卡 that the member was given; points, balance, a card, a bill paid and one
    that could not be entered; a mall shop, and a voucher it sold the member, not linked yet."""
    rows, now = one_of_each(shop, nickname=nickname, coupons=coupons), clock.now()
    member = rows.members
    with tenancy.acting_for(shop.merchant_id):
        silver = level_list.save(None, Terms(f"{shop.code}银卡", 9500, Figures(amount_fen=100000)))
        level = silver.id
        move = levels.give(member, level, reason="老顾客", actor="boss", now=now)
        assert move is not None
        points.earn(member, 100, cause="registration-1", now=now)
        recharge(member, number="R1", principal_fen=50000, here=place("s01"), now=now)
        cards.bind(f"card-{shop.code}", member_id=member, actor="boss", now=now)
        settle(
            PaidBill(
                number=f"B-{shop.code}",
                goods=Goods((DishLine("毛肚", BillLine("D001", None, 2, 10000)),)),
                tenders=(Tender(Method.BALANCE, 20000),),
                settled_at=now,
                member_id=member,
                table="A1",
                cashier="小李",
            ),
            here=place("s01"),
            by=Redeemer("till"),
            now=now,
        )
        refused_bills.keep(
            f"R-{shop.code}",
            {"bill": f"R-{shop.code}"},
            refusal=ParamError(errors=[]),
            here=place("s01"),
            now=now,
        )
        mall = MallShop(
            store_id=shop.store_id, code=f"m-{shop.code}", secret="hidden-key", bound_at=now
        )
        db.session.add(mall)
        db.session.flush()
        voucher = MallVoucher(
            shop_id=mall.id,
            voucher=f"V-{shop.code}",
            order_number=f"O-{shop.code}",
            product="P60",
            member_id=member,
            paid_fen=6000,
            sold_at=now,
            created_at=now,
        )
        db.session.add(voucher)
        db.session.commit()
        found = {
            "level_changes": move.change_id,
            "points": db.session.scalars(select(PointsEntry.id)).first(),
            "wallet": db.session.scalars(select(WalletEntry.id)).first(),
            "cards": db.session.scalars(select(MemberCard.id)).first(),
            "bills": db.session.scalars(select(BillRow.id)).first(),
            "refused_bills": db.session.scalars(select(RefusedBill.id)).first(),
            "malls": mall.id,
            "orders": voucher.id,
            "vouchers": rows.coupons,
        }
    reread()
    assert all(found.values())
    return replace(rows, levels=level, **{name: int(id or 0) for name, id in found.items()})


def _newest_entry(shop: Shop) -> int:
    found = db.session.scalar(
        select(func.max(AuditEntry.id)).where(AuditEntry.merchant_id == shop.merchant_id)
    )
    assert found is not None
    return found
