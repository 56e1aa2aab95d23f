"""Lists: search bar, tabs, pages, few queries; exports that stay data (ux.md 3, traps 1–17, 26)."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

import pytest
from flask import Flask
from openpyxl import load_workbook
from openpyxl.cell.cell import Cell
from sqlalchemy import event, select

from admin import spreadsheets
from backend import tenancy
from backend.coupons.models import Coupon
from backend.coupons.numbers import coupon_numbers, spaced
from backend.database import db, transaction
from backend.members.models import Member
from backend.merchants.models import AuditEntry, Role
from tests.admin.desk import Visitor, at_desk, everything, one_of_each
from tests.admin.test_tenants import LISTS
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement sent to the database meanwhile."""
    said: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def exported(visitor: Visitor, path: str) -> list[tuple[Cell, ...]]:
    """The rows of an exported workbook, header first."""
    sheet = load_workbook(io.BytesIO(visitor.open(path).data)).active
    assert sheet is not None
    return list(sheet.iter_rows())  # type: ignore[arg-type]


def spent(shop: Shop, *amounts_fen: int) -> None:
    """Members who spent so much."""
    for amount in amounts_fen:
        member_id = a_member(shop, nickname=f"花了{amount}")
        with transaction(), tenancy.acting_for(shop.merchant_id):
            member = tenancy.find(Member, member_id)
            assert member is not None
            member.consumption_fen = amount
    reread()


@pytest.mark.parametrize("endpoint", LISTS)
def test_a_list_asks_little_however_many_rows(app: Flask, endpoint: str) -> None:
    """Traps 8 and 9: nothing is fetched per row."""
    shop = a_shop()
    everything(shop, coupons=40)
    for n in range(25):
        a_member(shop, phone=f"1390000{n:04d}", nickname=f"客{n}")
    visitor = at_desk(app, shop)
    with statements() as said:
        visitor.read(f"/admin/{endpoint}/?page_size=50")
    asked = [s for s in said if s.lstrip().upper().startswith("SELECT")]
    assert len(asked) <= 13, asked


@pytest.mark.parametrize("endpoint", ["members", "coupons"])
def test_an_export_asks_little_however_many_rows(app: Flask, endpoint: str) -> None:
    shop = a_shop()
    one_of_each(shop, coupons=60)
    visitor = at_desk(app, shop)
    with statements() as said:
        visitor.open(f"/admin/{endpoint}/export/xlsx/")
    assert len([s for s in said if s.lstrip().upper().startswith("SELECT")]) <= 11, said


RUBBISH = (
    "flt0_0=nope", "flt1_1=nope", "flt2_2=nope", "flt3_3=2026-13-45", "flt4_4=x 至 y",
    "flt3_3=9999-12-31", "flt0_0=" + "长" * 300, "flt99_99=1", "flt0=1",
    "sort=99", "sort=-1", "sort=x", "page=1000000000000", "page=-5", "page=x",
    "page_size=1000000", "tab=nope", "flt3_3=0001-01-01 至 9999-12-31", "page=" + "9" * 40,
)  # fmt: skip


@pytest.mark.parametrize("endpoint", LISTS)
def test_rubbish_in_the_address_bar_never_breaks_a_list(app: Flask, endpoint: str) -> None:
    """Traps 3, 11, 26; I-10."""
    visitor = at_desk(app, _shop_with_rows())
    for rubbish in RUBBISH:
        assert visitor.open(f"/admin/{endpoint}/?{rubbish}").status_code == 200, rubbish
    assert visitor.open(f"/admin/{endpoint}/?flt0_0=%00").status_code == 400, (
        "no database keeps one"
    )


def _shop_with_rows() -> Shop:
    shop = a_shop()
    one_of_each(shop)
    return shop


def test_a_bad_choice_is_said_aloud_and_passed_over(app: Flask) -> None:
    text = at_desk(app, _shop_with_rows()).read("/admin/coupons/?flt2_2=nope")
    assert "券名称填写有误，已忽略" in text and "王霞芳" in text


def test_an_empty_input_of_the_search_bar_asks_for_nothing(app: Flask) -> None:
    """Trap 5."""
    text = at_desk(app, _shop_with_rows()).read("/admin/members/?flt0_0=&flt1_1=&flt3_3=")
    assert "王霞芳" in text and "填写有误" not in text


def test_a_search_for_per_cent_means_per_cent(app: Flask) -> None:
    """I-02."""
    shop = a_shop()
    a_member(shop, nickname="100%好评")
    a_member(shop, nickname="路人甲")
    text = at_desk(app, shop).read("/admin/members/?flt1_1=%25")
    assert "100%好评" in text and "路人甲" not in text


def test_a_day_of_the_search_bar_is_a_day_in_shanghai(app: Flask, clock: StillClock) -> None:
    """Trap 25: half-open local days."""
    shop = a_shop()
    for nickname, at in (
        ("前一天最后", "2026-11-21 23:59"), ("零点", "2026-11-22 00:00"),
        ("当天最后", "2026-11-22 23:59"), ("后一天零点", "2026-11-23 00:00"),
    ):  # fmt: skip
        a_member(shop, nickname=nickname, joined_at=clock.move_to(at))
    clock.move_to("2026-11-23 08:00")
    text = at_desk(app, shop).read("/admin/members/?flt3_3=2026-11-22 至 2026-11-22")
    assert "零点" in text and "当天最后" in text
    assert "前一天最后" not in text and "后一天零点" not in text


def test_a_coupon_is_found_by_the_number_a_customer_reads_out(app: Flask) -> None:
    shop = a_shop()
    rows = one_of_each(shop, coupons=3)
    number = spaced(coupon_numbers().number(rows.coupons))
    text = at_desk(app, shop).read(f"/admin/coupons/?flt0_0={number}")
    assert number in text and text.count("details/?id=") == 1
    assert "没有符合条件的券" in at_desk(app, shop, Role.CASHIER).read(
        "/admin/coupons/?flt0_0=000000000000"
    )


def test_tabs_count_and_expiry_is_true_by_time_alone(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    one_of_each(shop, coupons=3)
    visitor = at_desk(app, shop)
    assert "未使用 <small>3</small>" in visitor.read("/admin/coupons/")
    clock.move_to("2026-12-24 08:00")
    text = visitor.read("/admin/coupons/?tab=expired")
    assert "已过期 <small>3</small>" in text and "未使用 <small>0</small>" in text
    assert text.count("details/?id=") == 3


def test_lists_show_statuses_in_words_and_phones_masked(app: Flask) -> None:
    """Trap 2."""
    shop = a_shop()
    one_of_each(shop)
    text = at_desk(app, shop).read("/admin/coupons/")
    assert "未使用" in text and ">usable<" not in text
    with tenancy.acting_for(shop.merchant_id):
        phone = db.session.scalars(select(Member.phone)).one()
    assert phone is not None
    assert phone not in text and f"{phone[:3]}****{phone[-4:]}" in text


def test_a_whole_phone_is_for_those_who_may_read_it(app: Flask) -> None:
    """A-14."""
    shop = a_shop()
    rows = one_of_each(shop)
    with tenancy.acting_for(shop.merchant_id):
        phone = str(db.session.scalars(select(Member.phone)).one())
    page = f"/admin/members/details/?id={rows.members}"
    assert phone in at_desk(app, shop).read(page)
    marketing = at_desk(app, shop, Role.MARKETING)
    assert phone not in marketing.read(page)
    assert phone not in [c.value for c in exported(marketing, "/admin/members/export/xlsx/")[1]]


def test_a_formula_stays_text_in_a_spreadsheet(app: Flask) -> None:
    """Trap S4; I-03."""
    shop = a_shop()
    nasty = ("=1+cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", " =2")
    for nickname in nasty:
        a_member(shop, nickname=nickname)
    visitor = at_desk(app, shop)
    cells = {row[0].value: row[0] for row in exported(visitor, "/admin/members/export/xlsx/")[1:]}
    assert set(cells) == set(nasty)
    assert all(cell.data_type == "s" for cell in cells.values())
    text = visitor.open("/admin/members/export/csv/").data.decode("utf-8-sig")
    names = [row[0] for row in csv.reader(io.StringIO(text))][1:]
    assert sorted(names) == sorted(f"'{nickname}" for nickname in nasty)


def test_amounts_of_an_export_add_up_to_the_database(app: Flask) -> None:
    """Trap 12; ux.md 8.7."""
    shop = a_shop()
    spent(shop, 19990, 5, 123450)
    header, *rows = exported(at_desk(app, shop), "/admin/members/export/xlsx/")
    place = [cell.value for cell in header].index("累计消费")
    amounts = [row[place].value for row in rows]
    assert all(isinstance(amount, float | int) for amount in amounts)
    assert round(sum(map(float, amounts)) * 100) == 19990 + 5 + 123450  # type: ignore[arg-type]


def test_times_of_an_export_are_local_dates(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    one_of_each(shop)
    header, row = exported(at_desk(app, shop), "/admin/coupons/export/xlsx/")
    place = [cell.value for cell in header].index("领取时间")
    assert row[place].is_date
    assert str(row[place].value) == "2026-11-23 08:00:00"


def test_a_file_keeps_its_chinese_name(app: Flask) -> None:
    """Trap 13."""
    answer = at_desk(app, a_shop()).open("/admin/coupons/export/xlsx/")
    assert "券码明细_20261123_0800.xlsx" in unquote(answer.headers["Content-Disposition"])


def test_a_csv_begins_with_the_mark_excel_needs(app: Flask) -> None:
    """Trap 14."""
    assert at_desk(app, a_shop()).open("/admin/members/export/csv/").data[:3] == b"\xef\xbb\xbf"


def test_more_rows_than_one_request_carries_are_not_exported(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap 15."""
    monkeypatch.setattr(spreadsheets, "MOST_ROWS", 2)
    shop = a_shop()
    spent(shop, 1, 2, 3)
    visitor = at_desk(app, shop)
    assert visitor.open("/admin/members/export/xlsx/").status_code == 302
    assert "请先用查询条件缩小范围" in visitor.read("/admin/members/")


def test_an_export_is_written_down(app: Flask) -> None:
    shop = a_shop()
    one_of_each(shop)
    at_desk(app, shop).open("/admin/members/export/xlsx/")
    reread()
    found = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "export")).one()
    assert (found.subject, found.after) == ("会员列表", {"rows": 1})


def test_deleting_by_hand_deletes_nothing(app: Flask) -> None:
    """Trap S6."""
    shop = a_shop()
    rows = one_of_each(shop)
    visitor = at_desk(app, shop)
    assert visitor.send("/admin/coupons/delete/", id=rows.coupons).status_code == 404
    sent = visitor.send("/admin/coupons/action/", action="delete", rowid=rows.coupons)
    assert sent.status_code in (403, 404)
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Coupon.id)).all() == [rows.coupons]


def test_an_unused_coupon_is_taken_back_with_a_reason_once(app: Flask) -> None:
    shop = a_shop()
    rows = one_of_each(shop)
    visitor = at_desk(app, shop)
    visitor.send("/admin/coupons/revoke/", id=rows.coupons)
    assert "请填写作废原因" in visitor.read(f"/admin/coupons/details/?id={rows.coupons}")
    for _ in range(2):
        visitor.send("/admin/coupons/revoke/", id=rows.coupons, reason="发错了")
    text = visitor.read(f"/admin/coupons/details/?id={rows.coupons}")
    assert "没有改变" in text and "desk: 发错了" in text
    found = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "coupon.revoke")).all()
    assert [entry.after for entry in found] == [{"reason": "发错了"}]


def test_no_select_offers_everybody(app: Flask) -> None:
    """Trap 10: people are found by typing, not chosen from a list of all."""
    shop = a_shop()
    for n in range(60):
        a_member(shop, nickname=f"客{n}")
    visitor = at_desk(app, shop)
    for path in ("/admin/coupons/", "/admin/messages/", "/admin/campaigns/new/?kind=periodic"):
        assert "客1<" not in visitor.read(path)
