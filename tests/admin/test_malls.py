"""商城 at the desk: binding, linking, what was sold, every coupon's file. (S1-08…14, S1-25, 26)"""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from backend import tenancy
from backend.campaigns.models import Campaign
from backend.database import changed, db, table_of, transaction
from backend.merchants.models import AuditEntry, Role
from backend.redemption.models import VoucherReport
from backend.vouchers.models import MallShop
from tests.admin.desk import Visitor, at_desk
from tests.builders import Shop, a_shop, a_template, reread
from tests.malls import MallClient, a_link, a_mall, reports_of, voucher_of
from tests.miniprogram_api.pos.till import a_bill, a_dish, till_of


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


@pytest.fixture
def visitor(app: Flask, shop: Shop) -> Visitor:
    return at_desk(app, shop)


def bound(shop: Shop) -> MallShop:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalars(select(MallShop)).one()


def test_a_shop_is_bound_waits_and_is_bound_once_the_mall_has_spoken(
    app: Flask, http: FlaskClient, shop: Shop, visitor: Visitor
) -> None:
    """S1-08…10: its secret is entered, and shown to nobody ever after."""
    visitor.read("/admin/malls/new/")
    form = {"store": "s01", "code": "m77", "secret": "very-hidden", "active": "y"}
    assert visitor.send("/admin/malls/new/", **form, callback="ftp://x").status_code == 422
    assert visitor.send("/admin/malls/new/", **form, oa=shop.oa).status_code == 302
    page = visitor.read("/admin/malls/")
    assert "等待对接" in page and "m77" in page and "very-hidden" not in page
    assert MallClient(http, "m77", "very-hidden").sold("V1").status_code == 200
    row = bound(shop)
    page = visitor.read(f"/admin/malls/details/?id={row.id}")
    assert "已绑定" in page and "very-hidden" not in page
    assert "very-hidden" not in visitor.read(f"/admin/malls/edit/?id={row.id}")
    edited = {"store": "s01", "code": "m77", "next_secret": "another", "active": "y"}
    assert visitor.send(f"/admin/malls/edit/?id={row.id}", **edited).status_code == 302
    for secret in ("very-hidden", "another"):
        assert MallClient(http, "m77", secret).sold(f"V-{secret}").status_code == 200
    ended = edited | {"next_secret": "", "secret": "another"}
    visitor.send(f"/admin/malls/edit/?id={row.id}", **ended)
    assert MallClient(http, "m77", "very-hidden").sold("V4").status_code == 401
    assert MallClient(http, "m77", "another").sold("V4").status_code == 200
    with tenancy.acting_for(shop.merchant_id):
        log = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "mall.save")).all()
        assert len(log) == 3
        assert "very-hidden" not in str([entry.after for entry in log])


def test_a_product_that_waits_is_linked_from_its_shops_page(
    app: Flask, http: FlaskClient, shop: Shop, visitor: Visitor
) -> None:
    """S1-11, S1-14: sold before, usable as soon as the campaign runs."""
    a_template(shop, "c100", title="100元代金券")
    a_template(shop, "off", kind="discount", rule={"rate_bp": 8000}, title="八折券")
    mall = a_mall(shop, http)
    mall.sold("V1")
    mall.sold("V2")
    page = visitor.read(f"/admin/malls/details/?id={bound(shop).id}")
    assert "P60" in page and "kind=mall_voucher" in page
    form = visitor.read("/admin/campaigns/new/?kind=mall_voucher&product=P60")
    assert 'value="P60"' in form and "100元代金券" in form and "八折券" not in form
    made = visitor.send(
        "/admin/campaigns/new/?kind=mall_voucher",
        name="60代100",
        product="P60",
        template="c100",
        store="",
        then="start",
    )
    assert made.status_code == 302
    assert [voucher_of(shop, voucher).state for voucher in ("V1", "V2")] == ["linked"] * 2
    assert "没有待关联的商品" in visitor.read(f"/admin/malls/details/?id={bound(shop).id}")
    with tenancy.acting_for(shop.merchant_id):
        campaign = db.session.scalars(select(Campaign)).one()
    details = visitor.read(f"/admin/campaigns/details/?id={campaign.id}")
    assert "60代100" in details and "P60" in details and "全部店铺" in details
    assert "P60" in visitor.read(f"/admin/campaigns/edit/?id={campaign.id}")
    twice = visitor.send(
        "/admin/campaigns/new/?kind=mall_voucher",
        name="再来",
        product="P60",
        template="c100",
        store="",
        then="start",
    )
    assert twice.status_code == 422 and "商品P60已由活动" in twice.get_data(as_text=True)


def test_the_orders_and_the_file_tell_what_became_of_each_voucher(
    app: Flask, http: FlaskClient, shop: Shop, visitor: Visitor
) -> None:
    """S1-25, S1-26."""
    a_template(shop, "c100", title="100元代金券")
    a_link(shop, "c100")
    mall = a_mall(shop, http)
    used = mall.sold("V1").json["number"]
    mall.sold("V2")
    mall.refunded("V2")
    mall.sold("V3", product="P70", paid_fen=5000)
    bill = a_bill(a_dish("D001", 200), cash_fen=19000, coupon=used)
    assert till_of(http, shop).post("/bills/0023/settle", bill).status_code == 201
    page = visitor.read("/admin/orders/")
    for text in ("O-V1", "O-V3", "已核销", "已退款", "待关联", "138****8000", "¥170.00", "¥60.00"):
        assert text in page, text
    assert "13800138000" not in page
    limited = at_desk(app, shop, Role.READ_ONLY).read("/admin/orders/")
    spaced = f"{used[:5]} {used[5:9]} {used[9:]}"
    assert spaced in page and spaced not in limited and f"**** **** {used[-4:]}" in limited
    only = visitor.read(f"/admin/orders/?flt1_1={used}")
    assert "O-V1" in only and "O-V2" not in only
    assert "O-V3" in visitor.read("/admin/orders/?tab=waiting")
    file = visitor.read("/admin/vouchers/")
    for text in (spaced, "商城", "已核销", "0023", f"till {shop.pos_key}", "138****8000"):
        assert text in file, text
    assert spaced in visitor.read(f"/admin/vouchers/?flt0_0={used[1:]}")
    assert visitor.open("/admin/vouchers/export/xlsx/").status_code == 200
    assert visitor.open("/admin/orders/export/xlsx/").status_code == 200
    assert spaced in visitor.read("/admin/coupons/")


def test_what_no_mall_took_is_sent_again_by_hand(
    app: Flask, http: FlaskClient, shop: Shop, visitor: Visitor
) -> None:
    a_template(shop, "c100")
    a_link(shop, "c100")
    mall = a_mall(shop, http)
    number = mall.sold("V1").json["number"]
    assert till_of(http, shop).post("/coupons/redeem", {"scan": number}).status_code == 201
    reports = table_of(VoucherReport)
    with transaction(), tenancy.across_merchants("a test changes the reports"):
        changed(update(reports).values(state="failed", tries=79, last_error="HTTP 500"))
    row = bound(shop)
    page = visitor.read(f"/admin/malls/details/?id={row.id}")
    assert "发送失败" in page and "HTTP 500" in page and "重新发送" in page
    (report,) = reports_of(shop)
    visitor.send("/admin/malls/send-again/", id=row.id, report=report.id)
    (report,) = reports_of(shop)
    assert (report.state, report.tries) == ("waiting", 0)


def test_another_merchants_malls_and_sales_are_not_seen(app: Flask, http: FlaskClient) -> None:
    ours, theirs = a_shop(), a_shop("theirs")
    a_mall(theirs, http).sold("V-theirs")
    foreign = bound(theirs)
    visitor = at_desk(app, ours)
    for endpoint in ("malls", "orders", "vouchers"):
        assert "theirs" not in visitor.read(f"/admin/{endpoint}/")
    for path in ("details", "edit"):
        assert visitor.open(f"/admin/malls/{path}/?id={foreign.id}").status_code == 404
    taken = {"store": "s01", "code": foreign.code, "secret": "mine", "active": "y"}
    visitor.read("/admin/malls/new/")
    assert visitor.send("/admin/malls/new/", **taken).status_code == 422
    assert bound(theirs).secret == f"x-{foreign.code}"


@pytest.mark.parametrize("role", [Role.CASHIER, Role.READ_ONLY, Role.STORE_MANAGER])
def test_who_may_not_bind_does_not(app: Flask, shop: Shop, role: Role) -> None:
    visitor = at_desk(app, shop, role)
    assert visitor.open("/admin/malls/new/").status_code == 403
