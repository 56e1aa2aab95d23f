"""补记会员 at the desk: who may names the guest of a settled bill, up to seven days later, once."""

import re
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import clock as business
from backend import tenancy
from backend.database import db
from backend.members import cards
from backend.members.models import Member
from backend.merchants.models import AuditEntry, Role
from backend.reports import doctor
from backend.sales.models import Bill
from tests.admin.desk import Visitor, at_desk
from tests.builders import Shop, a_member, a_shop, a_store, reread
from tests.conftest import StillClock
from tests.miniprogram_api.pos.test_gifts import a_gift
from tests.miniprogram_api.pos.test_naming import earning, figures
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of

PHONE = "13711110008"


@pytest.fixture
def shop(app: Flask, clock: StillClock) -> Shop:
    shop = a_shop()
    earning(shop)
    a_gift(shop)
    return shop


@pytest.fixture
def till(http: FlaskClient, shop: Shop) -> TillClient:
    """A till that has settled B1, of ¥120.00, without a member."""
    till = till_of(http, shop)
    assert till.post("/bills/B1/settle", a_bill(a_dish("D1", 120))).status_code == 201
    return till


@pytest.fixture
def guest(shop: Shop) -> int:
    return a_member(shop, phone=PHONE, nickname="王霞芳")


def page_of(shop: Shop, number: str = "B1") -> str:
    with tenancy.acting_for(shop.merchant_id):
        bill = db.session.scalars(select(Bill.id).where(Bill.number == number)).one()
    reread()
    return f"/admin/bills/details/?id={bill}"


def finds(visitor: Visitor, page: str, said: str) -> tuple[str, str]:
    """The page with who was found, and the member's number in its form."""
    text = visitor.read(f"{page}&guest={quote(said)}")
    found = re.search(r'name="member" value="(\d+)"', text)
    return text, found[1] if found else ""


def names(
    visitor: Visitor, page: str, member: object, *, guest: str = PHONE, reason: str = "忘记报手机号"
) -> str:
    """Confirmed; what the page says then."""
    form = {"id": page.rpartition("=")[2], "guest": guest, "member": member, "reason": reason}
    answer = visitor.send("/admin/bills/member/", **form)
    return visitor.read(page) if answer.status_code == 302 else str(answer.status_code)


@pytest.mark.parametrize(
    "said", [PHONE, "+86 137-1111-0008", "\u202d13711110008\u202c", ";4696-5?"]
)
def test_whoever_was_there_is_found_however_typed_and_seen_masked_first(
    app: Flask, shop: Shop, till: TillClient, guest: int, clock: StillClock, said: str
) -> None:
    with tenancy.acting_for(shop.merchant_id):
        cards.bind("46965", member_id=guest, actor="boss", now=business.now())
    clock.move_to("2026-11-24 12:00")
    visitor, page = at_desk(app, shop, Role.STORE_MANAGER, stores=["s01"]), page_of(shop)
    assert "补记会员" in visitor.read(page)
    text, member = finds(visitor, page, said)
    assert member == str(guest)
    assert "王霞芳" in text and "137****0008" in text
    assert "已补记会员，本单获得 120 积分；消费赠券" in names(visitor, page, member, guest=said)
    assert figures(shop, guest) == (120, 1, 12000, "ordinary")
    text = visitor.read(page)
    assert "王霞芳" in text and "结账时没有识别会员" not in text
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.get_one(Member, guest).last_consumed_at is not None
        (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "bill.member"))
        after = entry.after or {}
        assert (entry.actor, entry.subject) == (f"store_manager-{shop.code}", "账单 B1")
        assert (after["member"], after["reason"]) == (guest, "忘记报手机号")
    reread()
    assert doctor.check() == []


def test_it_is_done_once_and_the_till_is_told_the_same(
    app: Flask, shop: Shop, till: TillClient, guest: int
) -> None:
    visitor, page = at_desk(app, shop), page_of(shop)
    visitor.read(page)
    other = a_member(shop, phone="13711110009")
    names(visitor, page, guest)
    assert "账单B1已有会员" in names(visitor, page, other, guest="13711110009")
    refused = till.post("/bills/B1/member", {"member_id": other})
    assert refused.get_json()["code"] == "BILL_HAS_MEMBER"
    assert figures(shop, guest)[:3] == (120, 1, 12000)
    assert figures(shop, other)[:3] == (0, 0, 0)


def test_seven_days_later_it_is_still_time_and_on_the_eighth_no_more(
    app: Flask, shop: Shop, till: TillClient, guest: int, clock: StillClock
) -> None:
    till.post("/bills/B2/settle", a_bill(a_dish("D1", 120)))
    clock.move_to("2026-11-24 00:00")
    at_till = till.post("/bills/B1/member", {"member_id": guest}).get_json()
    assert at_till["code"] == "BILL_DAY_OVER" and "后台" in at_till["detail"]["hint"]
    visitor = at_desk(app, shop)
    clock.move_to("2026-11-30 23:59")
    visitor.read(page_of(shop))
    assert "已补记会员" in names(visitor, page_of(shop), guest)
    clock.move_to("2026-12-01 00:00")
    visitor.sign_in(f"owner-{shop.code}")
    text = visitor.read(page_of(shop, "B2"))
    assert "结账已超过 7 天，不能再补记会员" in text and 'name="guest"' not in text
    assert "账单B2结账已超过7天" in names(visitor, page_of(shop, "B2"), guest)
    assert figures(shop, guest)[:3] == (120, 1, 12000)


def test_a_bill_that_went_back_whole_has_nobody(
    app: Flask, shop: Shop, till: TillClient, guest: int
) -> None:
    visitor, page = at_desk(app, shop), page_of(shop)
    visitor.read(page)
    till.post("/bills/B1/refund", {"refund": "R1"})
    assert "已全部退款，不能补记会员" in names(visitor, page, guest)
    assert 'name="guest"' not in visitor.read(page)
    assert figures(shop, guest)[:3] == (0, 0, 0)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"reason": " "}, "请写明补记的原因"),
        ({"guest": "13711119999"}, "没有这个手机号或卡号的会员"),
        ({"guest": "13711110009"}, "会员与刚才看到的不同，请重新查找"),
    ],
)
def test_what_is_not_as_it_was_seen_changes_nothing(
    app: Flask, shop: Shop, till: TillClient, guest: int, form: dict[str, str], words: str
) -> None:
    a_member(shop, phone="13711110009")
    visitor, page = at_desk(app, shop), page_of(shop)
    visitor.read(page)
    assert words in names(visitor, page, guest, **form)
    assert figures(shop, guest)[:3] == (0, 0, 0)
    assert "没有这个手机号或卡号的会员" in finds(visitor, page, "13711119999")[0]


def test_a_frozen_card_speaks_for_nobody(
    app: Flask, shop: Shop, till: TillClient, guest: int
) -> None:
    with tenancy.acting_for(shop.merchant_id):
        cards.bind("46965", member_id=guest, actor="boss", now=business.now())
        cards.freeze("46965", actor="boss", now=business.now())
    text, member = finds(at_desk(app, shop), page_of(shop), "46965")
    assert "该实体卡已冻结" in text and not member


@pytest.mark.parametrize("role", [Role.MARKETING, Role.CASHIER, Role.READ_ONLY])
def test_others_neither_see_nor_may_do_it(
    app: Flask, shop: Shop, till: TillClient, guest: int, role: Role
) -> None:
    visitor, page = at_desk(app, shop, role), page_of(shop)
    text, member = finds(visitor, page, PHONE)
    assert "补记会员" not in text and not member
    visitor.read(page)
    assert names(visitor, page, guest) == "403"


def test_a_manager_of_another_store_and_a_form_from_elsewhere_name_nobody(
    app: Flask, shop: Shop, till: TillClient, guest: int
) -> None:
    a_store(shop, "s02", "莲塘")
    page = page_of(shop)
    other = at_desk(app, shop, Role.STORE_MANAGER, stores=["s02"])
    other.read("/admin/bills/")
    assert names(other, page, guest) == "404"
    own = at_desk(app, shop)
    own.read(page)
    own.token = ""
    assert names(own, page, guest) == "400"
    stranger = at_desk(app, a_shop())
    stranger.read("/admin/bills/")
    assert names(stranger, page, guest) == "404"
    assert figures(shop, guest)[:3] == (0, 0, 0)
