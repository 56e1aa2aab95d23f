"""积分流水, 储值流水, 充值规则 at the desk: what a period began with and moved adds up."""

import re

from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members.models import Member
from backend.membership import join
from backend.merchants.models import Merchant
from backend.points import ledger as points
from backend.wallet import ledger as wallet
from tests.admin.desk import Visitor, at_desk, everything
from tests.admin.test_lists import exported
from tests.builders import a_member, a_shop
from tests.conftest import StillClock


def sums(visitor: Visitor, path: str) -> list[list[str]]:
    """The lines above the list: label, 期初, each kind, 期末."""
    text = visitor.read(path)
    table = text[text.index('class="table-scroll sums"') :]
    rows = re.findall(r"<tr><td>.*?</tr>", table[: table.index("</table>")], re.S)
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.S)]
        for row in rows
    ]


def test_the_sums_of_a_period_add_up_to_what_members_hold(app: Flask, clock: StillClock) -> None:
    """spec/07: opening and closing sums."""
    shop = a_shop()
    one, other = a_member(shop, phone="13800000001"), a_member(shop, phone="13800000002")
    with tenancy.acting_for(shop.merchant_id):
        points.earn(one, 100, cause="a", now=clock.move_to("2026-11-20 10:00"))
        points.earn(other, 50, cause="b", now=clock.move_to("2026-11-22 00:00"))
        points.spend(one, 30, cause="c", now=clock.move_to("2026-11-22 23:59"))
        points.earn(other, 7, cause="d", now=clock.move_to("2026-11-23 00:00"))
    visitor = at_desk(app, shop)
    day = "flt3_3=2026-11-22 至 2026-11-22"
    zero = ["0", "0", "0", "0"]
    assert sums(visitor, f"/admin/points/?{day}") == [["积分", "100", "50", "-30", *zero, "120"]]
    assert sums(visitor, f"/admin/points/?{day}&flt2_2=earn") == [
        ["积分", "100", "50", "-30", *zero, "120"]
    ]
    assert sums(visitor, f"/admin/points/?{day}&flt0_0=13800000001") == [
        ["积分", "100", "0", "-30", *zero, "70"]
    ]
    text = visitor.read("/admin/points/?page_size=20")
    assert "共 4 条" in text and "共 3 条" in visitor.read("/admin/points/?flt2_2=earn")
    assert sums(visitor, "/admin/points/") == [["积分", "0", "157", "-30", *zero, "127"]]
    with tenancy.acting_for(shop.merchant_id):
        assert sum(db.session.scalars(select(Member.points))) == 127


def test_principal_and_bonus_are_told_apart(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    member = a_member(shop, phone="13800000001", nickname="小王")
    with tenancy.acting_for(shop.merchant_id):
        db.session.get_one(Merchant, shop.merchant_id).recharge = {
            "tiers": [{"principal_fen": 50000, "bonus_fen": 5000}]
        }
        db.session.commit()
        wallet.recharge(member, recharge_no="s01/R1", principal_fen=50000, now=clock.at)
        wallet.pay(member, 52000, cause="bill-1-balance", now=clock.at)
    visitor = at_desk(app, shop)
    assert sums(visitor, "/admin/wallet/") == [
        ["本金", "¥0.00", "¥500.00", "-¥500.00", "0", "0", "0", "0", "¥0.00"],
        ["赠金", "¥0.00", "¥50.00", "-¥20.00", "0", "0", "0", "0", "¥30.00"],
        ["合计", "¥0.00", "¥550.00", "-¥520.00", "0", "0", "0", "0", "¥30.00"],
    ]
    text = visitor.read("/admin/wallet/")
    assert "充值单 R1" in text and "皇岗" in text
    sheet = exported(visitor, "/admin/wallet/export/xlsx/")
    assert [cell.value for cell in sheet[2]][5:9] == [550, 550, 500, 50]


def test_an_entry_leads_to_its_bill_and_the_list_narrows(app: Flask) -> None:
    shop = a_shop()
    rows = everything(shop)
    visitor = at_desk(app, shop)
    text = visitor.read(f"/admin/wallet/?flt1_1={rows.members}&flt2_2=pay")
    assert f'/admin/bills/details/?id={rows.bills}">账单 B-{shop.code}</a>' in text
    assert "-¥200.00" in text and "充值单" not in text
    assert "注册送积分" in visitor.read("/admin/points/")
    assert "没有符合条件" in visitor.read("/admin/points/?flt1_1=999999")
    assert "没有符合条件" in visitor.read("/admin/points/?flt1_1=abc")


def test_entries_of_a_joined_member_are_found_by_the_survivors_phone(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    old, young = a_member(shop, phone="13800000001", nickname="留下的"), a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        points.earn(young, 40, cause="a", now=clock.at)
        join.join(old, young, now=clock.at)
    visitor = at_desk(app, shop)
    path = "/admin/points/?flt0_0=13800000001"
    assert sums(visitor, path) == [["积分", "0", "40", "0", "0", "0", "0", "0", "40"]]
    text = visitor.read(path)
    assert text.count("留下的") == 3 and f"details/?id={young}" not in text


def test_the_tiers_and_caps_are_kept_in_fen_the_smallest_first(app: Flask) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop)
    text = visitor.read("/admin/recharge/")
    assert 'value="5000"' in text and 'value="1000"' in text
    form = {
        "principal": ["1000", "500", ""], "bonus": ["150", "50.5", ""],
        "registered_fen": "3000", "unregistered_fen": "",
    }  # fmt: skip
    assert visitor.send("/admin/recharge/", **form).status_code == 302
    merchant = db.session.get_one(Merchant, shop.merchant_id)
    assert merchant.recharge == {
        "tiers": [
            {"principal_fen": 50000, "bonus_fen": 5050},
            {"principal_fen": 100000, "bonus_fen": 15000},
        ],
        "caps": {"registered_fen": 300000, "unregistered_fen": None},
    }
    assert 'value="50.5"' in visitor.read("/admin/recharge/")


def test_a_tier_that_cannot_be_meant_is_refused_and_nothing_is_kept(app: Flask) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop)
    for principal, bonus in (("500", "x"), ("0", "5"), ("500", "-1"), ("500", "")):
        form = {"principal": [principal], "bonus": [bonus], "registered_fen": "1"}
        assert visitor.send("/admin/recharge/", **form).status_code == 422
    twice = {"principal": ["500", "500"], "bonus": ["1", "2"]}
    answer = visitor.send("/admin/recharge/", **twice)
    assert "充值 500 元写了两次" in answer.get_data(as_text=True)
    assert db.session.get_one(Merchant, shop.merchant_id).recharge == {}
