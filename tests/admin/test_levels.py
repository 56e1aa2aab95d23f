"""会员等级 at the desk: order, conditions, rules, and a level given by hand (S2-37…39)."""

from flask import Flask
from pydantic import JsonValue
from sqlalchemy import select

from backend import tenancy
from backend.campaigns import lifecycle, programmes
from backend.campaigns.draft import CampaignDraft
from backend.database import db
from backend.members.models import LevelChange, Member, MemberLevel
from backend.merchants.models import AuditEntry, Merchant, Role
from tests.admin.desk import Visitor, at_desk, everything
from tests.admin.test_lists import exported
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock


def stored(shop: Shop) -> list[tuple[int, str, int, dict[str, JsonValue]]]:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        rows = db.session.scalars(select(MemberLevel).order_by(MemberLevel.position))
        return [(row.position, row.name, row.discount_bp, row.upgrade) for row in rows]


def id_of(shop: Shop, name: str) -> int:
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalars(select(MemberLevel.id).where(MemberLevel.name == name)).one()


def a_level(visitor: Visitor, **form: str) -> int:
    return visitor.send("/admin/levels/new/", **form).status_code


def test_a_level_is_made_in_yuan_and_zhe_and_shown_the_same_way(app: Flask) -> None:
    shop = a_shop()
    a_member(shop)
    visitor = at_desk(app, shop)
    assert a_level(visitor, name="银卡", discount="9.5", amount_fen="1000", times="10") == 302
    assert a_level(visitor, name="金卡", discount="8.8", recharge_fen="2000.50") == 302
    assert stored(shop) == [
        (0, "普通会员", 10000, {}),
        (1, "银卡", 9500, {"amount_fen": 100000, "times": 10}),
        (2, "金卡", 8800, {"recharge_fen": 200050}),
    ]
    text = visitor.read("/admin/levels/")
    assert "9.5折" in text and "消费满 1000 元 或 消费满 10 次" in text
    assert "充值满 2000.5 元" in text and "新会员注册后就是这个等级" in text
    assert 'value="9.5"' in visitor.read(f"/admin/levels/edit/?id={id_of(shop, '银卡')}")


def test_a_wrong_discount_or_a_name_that_is_taken_comes_back_on_the_form(app: Flask) -> None:
    visitor = at_desk(app, a_shop())
    assert a_level(visitor, name="普通会员") == 422
    for discount in ("10", "0", "95", "九折"):
        assert a_level(visitor, name="银卡", discount=discount) == 422
    assert a_level(visitor, name="银卡", amount_fen="10.005") == 422
    assert a_level(visitor, name="", discount="9") == 422


def test_levels_change_places_and_one_with_members_is_not_deleted(app: Flask) -> None:
    shop = a_shop()
    a_member(shop)
    visitor = at_desk(app, shop)
    for name in ("银卡", "金卡"):
        a_level(visitor, name=name)
    visitor.send("/admin/levels/move/", id=id_of(shop, "金卡"), to="up")
    assert [row[1] for row in stored(shop)] == ["普通会员", "金卡", "银卡"]
    visitor.send("/admin/levels/remove/", id=id_of(shop, "普通会员"))
    assert "还有 1 位会员是普通会员，不能删除" in visitor.read("/admin/levels/")
    visitor.send("/admin/levels/remove/", id=id_of(shop, "金卡"))
    assert [row[:2] for row in stored(shop)] == [(0, "普通会员"), (1, "银卡")]


def test_a_level_that_a_campaign_names_keeps_its_name(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop)
    a_level(visitor, name="银卡")
    with tenancy.acting_for(shop.merchant_id):
        settings = programmes.parse(
            "consumption_points",
            {"per_fen": 100, "points": 1, "levels": {"银卡": {"per_fen": 100, "points": 2}}},
        )
        draft = CampaignDraft(
            code="cp", name="消费送积分", kind="consumption_points", settings=settings
        )
        lifecycle.save(draft, now=clock.at)
    level = id_of(shop, "银卡")
    answer = visitor.send(f"/admin/levels/edit/?id={level}", name="白银卡")
    assert answer.status_code == 422
    assert "活动“消费送积分”的规则用到了它" in answer.get_data(as_text=True)
    assert (
        visitor.send(f"/admin/levels/edit/?id={level}", name="银卡", times="3").status_code == 302
    )
    visitor.send("/admin/levels/remove/", id=level)
    assert [row[1] for row in stored(shop)] == ["普通会员", "银卡"]


def test_the_rules_of_judging_are_chosen_and_told(app: Flask) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop)
    rules = {"levels_match": "all", "levels_period": "12_months", "levels_keep": "year"}
    assert visitor.send("/admin/levels/rules/", **rules).status_code == 302
    assert visitor.send("/admin/levels/rules/", **{**rules, "levels_keep": "x"}).status_code == 422
    merchant = db.session.get_one(Merchant, shop.merchant_id)
    assert {name: getattr(merchant, name) for name in rules} == rules
    text = visitor.read("/admin/levels/")
    assert "全部满足" in text and "近12个月" in text and "每年评定" in text


def test_a_level_is_given_by_hand_with_a_reason_and_stands_in_the_log(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop, nickname="小王")
    visitor = at_desk(app, shop)
    a_level(visitor, name="银卡", amount_fen="1000")
    silver = id_of(shop, "银卡")
    visitor.send("/admin/members/level/", id=member, level=silver, reason=" ")
    visitor.send("/admin/members/level/", id=member, level=silver + 99, reason="x")
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(LevelChange)).all() == []
    for _ in range(2):
        visitor.send("/admin/members/level/", id=member, level=silver, reason="老顾客")
    with tenancy.acting_for(shop.merchant_id):
        change = db.session.scalars(select(LevelChange)).one()
        assert (change.after_level_id, change.reason) == (silver, "老顾客")
        assert db.session.scalars(select(Member.level_id)).one() == silver
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "member.level")).one()
    assert entry.after == {"level": "银卡", "reason": "老顾客"}
    text = visitor.read("/admin/level-changes/")
    assert "小王" in text and "普通会员" in text and f"老顾客 · owner-{shop.code}" in text
    assert "银卡" in visitor.read(f"/admin/members/details/?id={member}")


def test_the_history_is_filtered_and_exported(app: Flask) -> None:
    shop = a_shop()
    rows = everything(shop, nickname="=1+1")
    visitor = at_desk(app, shop)
    assert "=1+1" in visitor.read(f"/admin/level-changes/?flt1_1={rows.members}&flt3_3=given-")
    assert "没有符合条件" in visitor.read("/admin/level-changes/?flt3_3=refund-")
    assert "没有符合条件" in visitor.read("/admin/level-changes/?tab=auto&flt0_0=13912345678")
    sheet = exported(visitor, "/admin/level-changes/export/xlsx/")
    assert [cell.value for cell in sheet[0]][:4] == ["时间", "会员", "手机号", "原等级"]
    assert sheet[1][1].value == "=1+1" and sheet[1][1].data_type == "s"
    assert [cell.value for cell in sheet[1]][5:7] == ["升级", "手工调整"]


def test_a_member_reads_what_is_missing_for_the_next_level(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    visitor = at_desk(app, shop)
    a_level(visitor, name="银卡", amount_fen="1000", times="10", rights="专属停车位")
    text = visitor.read(f"/admin/members/details/?id={member}")
    assert "再消费 1000 元 或 消费 10 次升级为银卡" in text


def test_a_cashier_may_not_give_levels(app: Flask) -> None:
    shop = a_shop()
    rows = everything(shop)
    visitor = at_desk(app, shop, Role.CASHIER)
    assert "手工调整等级" not in visitor.read(f"/admin/members/details/?id={rows.members}")
    form = {"id": rows.members, "level": rows.levels, "reason": "x"}
    assert visitor.send("/admin/members/level/", **form).status_code == 403


def test_a_level_discount_below_one_tenth_is_asked_again(app: Flask) -> None:
    """Field case C."""
    shop = a_shop()
    visitor = at_desk(app, shop)
    visitor.read("/admin/levels/new/")
    answer = visitor.send("/admin/levels/new/", name="银卡", discount="0.95")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "低于1折，顾客只付 9.5%" in text and 'name="sure"' in text
    sure = visitor.send("/admin/levels/new/", name="银卡", discount="0.95", sure="y")
    assert sure.status_code == 302
