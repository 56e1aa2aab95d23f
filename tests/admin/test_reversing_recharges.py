"""撤销充值 at the desk: what would go is seen first; whole, once, by whoever may at that store."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import clock as business
from backend import tenancy
from backend.database import db
from backend.members.models import Member, MemberLevel
from backend.merchants.models import AuditEntry, Merchant, Role, Store
from backend.wallet import ledger
from backend.wallet.models import WalletEntry
from tests.admin.desk import Visitor, at_desk
from tests.builders import Shop, a_member, a_shop, a_store, reread
from tests.miniprogram_api.pos.test_recharge_reversal import WHY, figures
from tests.miniprogram_api.pos.till import TillClient, till_of


@pytest.fixture
def shop(app: Flask) -> Shop:
    """充500送50; 金卡 at ¥1,000 recharged."""
    shop = a_shop()
    with tenancy.across_merchants("a test sets a merchant's rule"):
        merchant = db.session.get_one(Merchant, shop.merchant_id)
        merchant.recharge = {"tiers": [{"principal_fen": 50000, "bonus_fen": 5000}]}
        db.session.commit()
    with tenancy.acting_for(shop.merchant_id):
        db.session.add(MemberLevel(position=1, name="金卡", upgrade={"recharge_fen": 100000}))
        db.session.commit()
    return shop


@pytest.fixture
def member(shop: Shop) -> int:
    return a_member(shop, phone="13711110008", nickname="王霞芳")


@pytest.fixture
def till(http: FlaskClient, shop: Shop, member: int) -> TillClient:
    """A till at which ¥5,000 were typed for ¥500, after ¥30."""
    till = till_of(http, shop)
    for number, fen in (("R0", 3000), ("R1", 200000)):
        sent = {"recharge": number, "member_id": member, "principal_fen": fen}
        assert till.post("/recharges", sent).status_code == 200
    return till


def page_of(shop: Shop, number: str = "R1") -> str:
    with tenancy.acting_for(shop.merchant_id):
        entry = db.session.scalars(
            select(WalletEntry.id).where(WalletEntry.cause == f"recharge-s01/{number}")
        ).one()
    reread()
    return f"/admin/wallet/details/?id={entry}"


def takes_back(visitor: Visitor, page: str, reason: str = "多输一个0") -> str:
    answer = visitor.send("/admin/wallet/reverse/", id=page.rpartition("=")[2], reason=reason)
    return visitor.read(page) if answer.status_code == 302 else str(answer.status_code)


def test_what_would_go_is_shown_then_goes_once_and_is_in_ledger_and_log(
    app: Flask, shop: Shop, member: int, till: TillClient
) -> None:
    visitor, page = at_desk(app, shop, Role.STORE_MANAGER, stores=["s01"]), page_of(shop)
    assert page in visitor.read("/admin/wallet/")
    text = visitor.read(page)
    for said in ("充值单 R1", "137****0008", "¥2,000.00", "¥50.00", "¥2,080.00 → ¥30.00"):
        assert said in text, said
    assert "金卡 → 普通会员" in text
    assert figures(shop, member) == (203000, 5000, 203000)
    assert "充值已撤销" in takes_back(visitor, page)
    assert figures(shop, member) == (3000, 0, 3000)
    takes_back(visitor, page)
    assert figures(shop, member) == (3000, 0, 3000)
    text = visitor.read(page)
    assert "这笔充值已经撤销" in text and 'name="reason"' not in text
    with tenancy.acting_for(shop.merchant_id):
        entry = db.session.scalars(select(WalletEntry).where(WalletEntry.kind == "reverse")).one()
        assert (entry.reason, entry.actor) == ("多输一个0", f"store_manager-{shop.code}")
        log = db.session.scalars(
            select(AuditEntry).where(AuditEntry.action == "recharge.reverse")
        ).one()
        after = log.after or {}
        assert (log.subject, log.actor) == ("充值单 R1", f"store_manager-{shop.code}")
        assert (after["principal_fen"], after["bonus_fen"], after["reason"]) == (
            200000,
            5000,
            "多输一个0",
        )
    reread()
    text = at_desk(app, shop).read("/admin/wallet/")
    assert "撤销充值 后台-" in text


def test_what_was_spent_is_refused_and_says_how_much_is_left(
    app: Flask, shop: Shop, member: int, till: TillClient
) -> None:
    with tenancy.acting_for(shop.merchant_id):
        ledger.pay(member, 4000, cause="bill-1-balance", now=business.now())
    visitor, page = at_desk(app, shop), page_of(shop)
    text = visitor.read(page)
    assert "这笔充值已被使用，仅余2040元，不能撤销" in text and "请先退还用余额支付的账单" in text
    assert 'name="reason"' not in text
    assert "仅余2040元" in takes_back(visitor, page)
    assert figures(shop, member) == (199000, 5000, 203000)


def test_the_till_and_the_desk_take_it_back_once_between_them(
    app: Flask, shop: Shop, member: int, till: TillClient
) -> None:
    visitor = at_desk(app, shop)
    visitor.read(page_of(shop))
    assert till.post("/recharges/R1/reverse", WHY).status_code == 200
    assert "充值单R1已经撤销" in takes_back(visitor, page_of(shop)).replace("s01/", "")
    assert "充值已撤销" in takes_back(visitor, page_of(shop, "R0"))
    again = till.post("/recharges/R0/reverse", {**WHY, "reversal": "V2"})
    assert again.get_json()["code"] == "RECHARGE_REVERSED"
    assert figures(shop, member) == (0, 0, 0)


def test_a_level_given_by_hand_stays_and_the_page_says_so(
    app: Flask, shop: Shop, member: int, till: TillClient
) -> None:
    visitor = at_desk(app, shop)
    with tenancy.acting_for(shop.merchant_id):
        gold = db.session.scalars(select(MemberLevel.id).where(MemberLevel.name == "金卡")).one()
    reread()
    visitor.read(f"/admin/members/details/?id={member}")
    visitor.send("/admin/members/level/", id=member, level=gold, reason="老顾客")
    assert "金卡，不变" in visitor.read(page_of(shop))
    takes_back(visitor, page_of(shop))
    assert "金卡" in visitor.read(f"/admin/members/details/?id={member}").split("手工调整等级")[0]


def test_without_a_reason_nothing_goes_and_only_a_recharge_can(
    app: Flask, shop: Shop, member: int, till: TillClient
) -> None:
    visitor, page = at_desk(app, shop), page_of(shop)
    visitor.read(page)
    assert "请写明撤销的原因" in takes_back(visitor, page, reason=" ")
    with tenancy.acting_for(shop.merchant_id):
        paid = ledger.pay(member, 100, cause="bill-1-balance", now=business.now())
    assert paid is not None
    page = f"/admin/wallet/details/?id={paid.id}"
    assert "撤销充值</h2>" not in visitor.read(page)
    assert "只能撤销本店的充值" in takes_back(visitor, page)
    assert figures(shop, member) == (202900, 5000, 203000)


@pytest.mark.parametrize("role", [Role.MARKETING, Role.READ_ONLY])
def test_who_may_only_read_the_ledger_takes_nothing_back(
    app: Flask, shop: Shop, member: int, till: TillClient, role: Role
) -> None:
    visitor, page = at_desk(app, shop, role), page_of(shop)
    assert "撤销充值</h2>" not in visitor.read(page)
    assert takes_back(visitor, page) == "403"
    assert figures(shop, member)[0] == 203000


def test_another_stores_recharge_another_merchants_and_a_forged_form_stay(
    app: Flask, http: FlaskClient, shop: Shop, member: int, till: TillClient
) -> None:
    page = page_of(shop)
    a_store(shop, "s02", "莲塘")
    stranger = at_desk(app, a_shop())
    stranger.read("/admin/wallet/")
    assert takes_back(stranger, page) == "404"
    own = at_desk(app, shop)
    own.read(page)
    own.token = ""
    assert takes_back(own, page) == "400"
    elsewhere = at_desk(app, shop, Role.STORE_MANAGER, stores=["s02"])
    elsewhere.read("/admin/wallet/")
    assert takes_back(elsewhere, page) == "404"
    _was_at(shop, member, "s02")
    text = elsewhere.read(page)
    assert "这笔充值是皇岗收的" in text and 'name="reason"' not in text
    assert "只能撤销本店的充值" in takes_back(elsewhere, page)
    assert figures(shop, member) == (203000, 5000, 203000)


def _was_at(shop: Shop, member: int, code: str) -> None:
    """The member came through this store, so that its manager sees them."""
    with tenancy.acting_for(shop.merchant_id):
        store = db.session.scalars(select(Store.id).where(Store.code == code)).one()
        db.session.get_one(Member, member).store_id = store
        db.session.commit()
    reread()
