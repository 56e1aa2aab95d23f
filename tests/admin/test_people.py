"""员工, 会员, 门店, 核销员, 商家信息 at the desk."""

import re

from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members.models import Member
from backend.merchants.house import house
from backend.merchants.models import AuditEntry, Role, Staff, StaffSession
from scripts.wechat_platform.server import Platform
from tests.admin.desk import Visitor, a_person, at_desk, one_of_each
from tests.builders import a_member, a_shop, reread


def test_a_new_person_gets_a_random_password_shown_once(app: Flask) -> None:
    """R-20."""
    shop = a_shop()
    visitor = at_desk(app, shop)
    visitor.read("/admin/staff/new/")
    visitor.send("/admin/staff/new/", login="lijie", name="李姐", role="marketing", where="all")
    shown = re.search(
        r"lijie 的密码（只显示这一次）：([a-z0-9-]{19})", visitor.read("/admin/staff/")
    )
    assert shown is not None
    assert shown[1] not in visitor.read("/admin/staff/")
    assert Visitor(app).sign_in("lijie", shown[1]).status_code == 302


def test_a_reset_password_ends_every_session(app: Flask) -> None:
    shop = a_shop()
    boss, other = at_desk(app, shop), at_desk(app, shop, Role.MARKETING)
    person = db.session.scalars(select(Staff).where(Staff.role == "marketing")).one()
    boss.send("/admin/staff/reset/", id=person.id)
    assert other.open("/admin/campaigns/").status_code == 302
    left = db.session.scalars(select(StaffSession.staff_id)).all()
    assert person.id not in left


def test_nobody_makes_an_operator_or_stops_themselves(app: Flask) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop)
    visitor.read("/admin/staff/new/")
    sent = visitor.send("/admin/staff/new/", login="evil", role="operator", where="all")
    assert sent.status_code == 422
    me = db.session.scalars(select(Staff)).one()
    visitor.send("/admin/staff/active/", id=me.id, active="0")
    assert "不能停用自己" in visitor.read("/admin/staff/")


def test_fields_that_the_form_does_not_show_cannot_be_set(app: Flask) -> None:
    """A-03: mass assignment."""
    shop = a_shop()
    rows = one_of_each(shop)
    visitor = at_desk(app, shop)
    path = f"/admin/members/edit/?id={rows.members}"
    visitor.read(path)
    visitor.send(
        path,
        note="老客户", points="9999", phone="1", merchant_id="1", consumption_count="9",
        tags="甲 乙",
    )  # fmt: skip
    with tenancy.acting_for(shop.merchant_id):
        member = db.session.scalars(select(Member)).one()
        assert (member.note, member.points, member.consumption_count) == ("老客户", 0, 0)
        assert member.phone != "1"
    assert "甲" in visitor.read(f"/admin/members/details/?id={rows.members}")


def test_a_store_code_is_used_once(app: Flask) -> None:
    visitor = at_desk(app, a_shop())
    visitor.read("/admin/stores/new/")
    form = {"code": "s01", "name": "另一家", "active": "y"}
    answer = visitor.send("/admin/stores/new/", **form)
    assert answer.status_code == 422 and "门店编码 s01 已存在" in answer.get_data(as_text=True)
    assert visitor.send("/admin/stores/new/", **{**form, "code": "s02"}).status_code == 302


def test_an_invited_verifier_gets_a_code_that_binds(app: Flask) -> None:
    """S4-20, S4-21."""
    shop = a_shop()
    member = a_member(shop, nickname="小张")
    visitor = at_desk(app, shop)
    visitor.read("/admin/verifiers/invite/")
    text = visitor.send("/admin/verifiers/invite/", store="s01", name="小张").get_data(as_text=True)
    token = re.search(r'<span class="tag">([A-Za-z0-9_-]{32})</span>', text)
    assert token is not None and "<svg" in text
    from backend import clock
    from backend.merchants import verifiers

    with tenancy.acting_for(shop.merchant_id):
        bound = verifiers.bind([member], token=token[1], now=clock.now())
    assert [store.code for store in bound] == ["s01"]
    assert "小张" in visitor.read("/admin/verifiers/")


def test_the_stores_code_comes_from_wechat(app: Flask, wechat: Platform) -> None:
    shop = a_shop()
    wechat.account(shop.oa, "official_account", f"secret-{shop.oa}", token=f"token-{shop.oa}")
    text = at_desk(app, shop).read(f"/admin/stores/code/?id={shop.store_id}")
    assert "<svg" in text and "皇岗" in text


def test_a_store_without_wechats_answer_says_so(app: Flask, wechat: Platform) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop)
    assert visitor.open(f"/admin/stores/code/?id={shop.store_id}").status_code == 302
    assert "微信没有给出二维码" in visitor.read("/admin/stores/")


def test_the_profile_is_saved_and_its_log_masks_phones(app: Flask) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop)
    visitor.read("/admin/profile/")
    form = {"name": "星火火锅", "phone": "13800001234", "address": "福田", "rounding_fen": "0.99"}
    visitor.send("/admin/profile/", **form)
    assert "星火火锅" in visitor.read("/admin/profile/")
    reread()
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "merchant.save")).one()
    assert (entry.after or {})["phone"] == "138****1234"


def test_how_much_a_till_may_round_off_is_set_in_yuan(app: Flask) -> None:
    """抹零 (field case C): 0 switches it off, what cannot be meant is asked again."""
    shop = a_shop()
    visitor = at_desk(app, shop)
    assert 'value="0.99"' in visitor.read("/admin/profile/")
    for wrong in ("", "1000.01", "0.001", "-1", "五毛"):
        refused = visitor.send("/admin/profile/", name="星火火锅", rounding_fen=wrong)
        assert refused.status_code == 422, wrong
    for said, fen in (("5", 500), ("0", 0)):
        assert (
            visitor.send("/admin/profile/", name="星火火锅", rounding_fen=said).status_code == 302
        )
        with tenancy.acting_for(shop.merchant_id):
            assert house().rounding_fen == fen
        reread()
    entry = db.session.scalars(
        select(AuditEntry.id)
        .where(AuditEntry.action == "merchant.save")
        .order_by(AuditEntry.id.desc())
    ).first()
    log = visitor.read(f"/admin/audit/details/?id={entry}")
    assert "每单最多抹零" in log and "¥5.00" in log and "¥0.00" in log


def test_the_list_says_whose_stores_by_name(app: Flask) -> None:
    shop = a_shop()
    a_person(shop, Role.STORE_MANAGER, stores=["s01"])
    rows = at_desk(app, shop).read("/admin/staff/").split("<tbody>")[1]
    assert "皇岗" in rows and "s01" not in rows
