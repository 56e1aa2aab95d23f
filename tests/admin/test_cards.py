"""实体卡 at the desk: bound, frozen, destroyed, replaced, with the sources' words (S2-48)."""

from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members.models import MemberCard
from backend.merchants.models import Role
from tests.admin.desk import Visitor, at_desk, everything
from tests.builders import Shop, a_member, a_shop, reread


def cards(shop: Shop) -> list[tuple[str, str, int]]:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        rows = db.session.scalars(select(MemberCard).order_by(MemberCard.id))
        return [(row.number, row.state, row.member_id) for row in rows]


def bound(visitor: Visitor, number: str, member: object) -> str:
    answer = visitor.send("/admin/cards/new/", number=number, member=member)
    return answer.location if answer.status_code == 302 else answer.get_data(as_text=True)


def test_a_card_is_bound_by_phone_or_number_and_goes_through_its_states(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop, phone="13800000001", nickname="小王")
    visitor = at_desk(app, shop)
    page = bound(visitor, "C001", "13800000001")
    assert bound(visitor, "C002", member).startswith("/admin/cards/details/")
    card = page.rpartition("=")[2]
    visitor.send("/admin/cards/state/", id=card, to="freeze")
    text = visitor.read(page)
    assert "该实体卡已冻结" in text and "冻结实体卡" in text and "小王" in text
    visitor.send("/admin/cards/state/", id=card, to="unfreeze")
    assert "该实体卡已冻结" not in visitor.read(page)
    visitor.send("/admin/cards/state/", id=card, to="destroy")
    assert "该实体卡已销毁" in visitor.read(page)
    visitor.send("/admin/cards/state/", id=card, to="unfreeze")
    assert "该实体卡已销毁" in visitor.read(page)
    assert cards(shop) == [("C001", "destroyed", member), ("C002", "normal", member)]
    text = visitor.read(f"/admin/members/details/?id={member}")
    assert "C001" in text and "C002" in text


def test_an_unknown_card_is_said_not_to_exist(app: Flask) -> None:
    visitor = at_desk(app, a_shop())
    assert "该实体卡不存在" in visitor.read("/admin/cards/?flt0_0=C404")


def test_a_card_of_somebody_else_or_of_nobody_is_refused_on_the_form(app: Flask) -> None:
    shop = a_shop()
    one, other = a_member(shop), a_member(shop)
    visitor = at_desk(app, shop)
    bound(visitor, "C001", one)
    assert "该实体卡已绑定其他会员" in bound(visitor, "C001", other)
    assert "会员不存在" in bound(visitor, "C002", "13900000009")
    assert "只能用字母、数字" in bound(visitor, "C*00", one)
    assert cards(shop) == [("C001", "normal", one)]


def test_a_replaced_card_is_destroyed_and_the_new_one_is_the_same_members(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    visitor = at_desk(app, shop)
    card = bound(visitor, "C001", member).rpartition("=")[2]
    for wrong in ("", "C001", "新卡"):
        visitor.send("/admin/cards/replace/", id=card, number=wrong)
    assert cards(shop) == [("C001", "normal", member)]
    visitor.send("/admin/cards/replace/", id=card, number="C009")
    assert cards(shop) == [("C001", "destroyed", member), ("C009", "normal", member)]


def test_a_cashier_sees_cards_but_changes_none(app: Flask) -> None:
    shop = a_shop()
    rows = everything(shop)
    visitor = at_desk(app, shop, Role.CASHIER)
    text = visitor.read(f"/admin/cards/details/?id={rows.cards}")
    assert "换卡" not in text and f"card{shop.code}" in text
    form = {"id": rows.cards, "to": "freeze"}
    assert visitor.send("/admin/cards/state/", **form).status_code == 403


def test_a_manager_of_another_store_neither_sees_nor_binds(app: Flask) -> None:
    shop = a_shop()
    rows = everything(shop)
    visitor = at_desk(app, shop, Role.STORE_MANAGER, stores=["s02"])
    assert f"card{shop.code}" not in visitor.read("/admin/cards/")
    assert visitor.open(f"/admin/cards/details/?id={rows.cards}").status_code == 404
    assert "会员不存在" in bound(visitor, "C777", rows.members)
