"""小票: no wider than the paper, free of what would steer a printer, its code on it."""

import unicodedata
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.sales.receipt import ReceiptData, ReceiptLine, ReceiptMember, ReceiptTender, kept, read
from backend.sales.receipt_escpos import escpos
from backend.sales.receipt_layout import NARROW, WIDE, text

AT = datetime(2026, 11, 23, 17, 31, tzinfo=ZoneInfo("Asia/Shanghai"))
CLAIM = "https://quan.example.com/h5/claims/abcDEF123"

RECEIPT = ReceiptData(
    store="右姑娘火锅(皇岗店)",
    table="S001",
    number="20200525000",
    guests=10,
    cashier="系统管理员",
    opened_at=None,
    settled_at=AT,
    lines=(ReceiptLine("凉瓜黄豆汤底", 1, "条", 19900),),
    service_fen=100,
    total_fen=20000,
    level_discount_fen=0,
    manual_fen=0,
    payable_fen=20000,
    tenders=(ReceiptTender("cash", "现金", 20000),),
    member=None,
    claim_url=None,
    footer="谢谢惠顾,欢迎下次光临!",
)


def cells(row: str) -> int:
    return len(row.encode("gbk"))


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_no_row_is_wider_than_the_paper(width: int) -> None:
    long = replace(
        RECEIPT,
        store="很长的店名" * 12,
        cashier="收银" * 30,
        lines=(ReceiptLine("招牌手切鲜毛肚配秘制蘸料双人份" * 3, 12, "份", 123456),),
        member=ReceiptMember("4" * 40, "181****4469", 99999999, 12345678, 999999999),
        footer="谢谢惠顾" * 20 + "\n电话 0755-1234567",
    )
    assert max(map(cells, text(long, width).splitlines())) <= width
    assert "电话 0755-1234567" in text(long, width)


@pytest.mark.parametrize("dish", ["番茄·牛腩", "“招牌”毛肚", "毛肚×2", "℃冰粉①"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_a_dish_takes_exactly_the_cells_of_the_paper(dish: str, width: int) -> None:
    ordered = replace(RECEIPT, lines=(ReceiptLine(dish, 1, "份", 3800),))
    (row,) = (row for row in text(ordered, width).splitlines() if row.startswith(dish))
    assert len(row.encode("gbk")) == width
    assert row.encode("gbk") in escpos(ordered, width)


def test_what_gbk_lacks_is_replaced_by_what_it_has() -> None:
    said = "🔥毛肚 café ¥9 ﬁsh 한"
    printed = text(replace(RECEIPT, lines=(ReceiptLine(said, 1, "", 1),)))
    assert "毛肚 café ￥9 fish ?" in printed
    printed.encode("gbk")


@given(st.text(max_size=40), st.text(max_size=8), st.sampled_from([NARROW, WIDE]))
def test_whatever_is_written_fits_the_paper_and_the_printer(said: str, unit: str, on: int) -> None:
    dish = ReceiptLine(said, Decimal("999999.999"), unit, 10**16)
    written = replace(RECEIPT, store=said, cashier=said, lines=(dish,), footer=said)
    assert max(map(cells, text(written, on).splitlines())) <= on
    escpos(written, on)


def test_half_a_pound_is_printed_as_it_was_weighed() -> None:
    fish = replace(RECEIPT, lines=(ReceiptLine("鲈鱼", Decimal("0.5"), "斤", 1900),))
    assert f"{'鲈鱼':<14} 0.5斤     19.00" in text(fish).splitlines()
    assert read(kept(fish)) == fish  # type: ignore[arg-type]


def test_wide_paper_holds_more_fields_on_a_row() -> None:
    opened = replace(RECEIPT, opened_at=AT.replace(hour=15, minute=23))
    assert "开台:11-23 15:23 结账:11-23 17:31" in text(opened, WIDE).splitlines()
    head = "单号:20200525000 人数:10 收银:系统管理员"
    assert head in text(opened, WIDE).splitlines()


def test_what_nobody_gave_is_left_out_and_what_was_taken_off_is_said() -> None:
    bare = text(replace(RECEIPT, table="", guests=0, cashier=""))
    assert "台位" not in bare and "人数" not in bare and "收银" not in bare
    assert "会员折扣" not in bare and "手动批价" not in bare and "抹零" not in bare
    assert "卡内余额" not in bare
    less = text(
        replace(RECEIPT, level_discount_fen=850, manual_fen=15, rounding_fen=50, refunded_fen=100)
    )
    assert [row.split() for row in less.splitlines() if " -" in row] == [
        ["会员折扣:", "-8.50"],
        ["手动批价:", "-0.15"],
        ["抹零:", "-0.50"],
        ["已退款:", "-1.00"],
    ]


NASTY = "毛\x1b@肚\x1dV\x00\r\n\u202e\u2028\u200d\ud83cx\x9b"


def test_no_control_character_reaches_text_or_printer() -> None:
    """A dish whose name says “cut the paper” is only printed."""
    bad = replace(
        RECEIPT,
        store=f"店{NASTY}",
        table=NASTY,
        number=NASTY,
        cashier=NASTY,
        lines=(ReceiptLine(NASTY, 1, NASTY, 1),),
        footer=NASTY,
        claim_url=f"{CLAIM}\x1d",
    )
    categories = {unicodedata.category(char) for char in text(bad).replace("\n", "")}
    assert not {each for each in categories if each.startswith("C") or each in ("Zl", "Zp")}
    innocent = replace(
        bad,
        store="店",
    )
    assert escpos(bad).count(b"\x1dV") == escpos(innocent).count(b"\x1dV") == 1
    assert escpos(bad).count(b"\x1b@") == 1
    assert b"\x00\r" not in escpos(bad)


def test_the_bytes_begin_and_end_a_print_and_are_the_rows_of_the_text() -> None:
    """ESC @, FS &, the name centred and bold, GBK, GS V at the end."""
    printed = escpos(RECEIPT)
    assert printed.startswith(b"\x1b@\x1c&")
    name = RECEIPT.store.encode("gbk")
    before = printed[: printed.index(name)]
    assert b"\x1ba\x01" in before and b"\x1bE\x01" in before
    after = printed[printed.index(name) :]
    assert b"\x1bE\x00" in after
    for row in text(RECEIPT).splitlines():
        assert row.strip().encode("gbk") in printed
    assert b"\x1dV" in printed[-5:]


def test_a_gift_is_a_qr_code_on_paper_and_its_address_in_the_text() -> None:
    gift = replace(RECEIPT, claim_url=CLAIM)
    assert CLAIM in text(gift).splitlines()
    printed = escpos(gift)
    store = len(CLAIM) + 3
    assert b"\x1d(k" + bytes([store % 256, store // 256]) + b"1P0" + CLAIM.encode() in printed
    assert b"\x1d(k\x03\x001Q0" in printed
    assert b"(k" not in escpos(RECEIPT)


def test_a_receipt_is_kept_and_read_again() -> None:
    member = ReceiptMember(None, None, 1, 2, 3)
    data = replace(RECEIPT, opened_at=AT, member=member, claim_url=CLAIM)
    assert read(kept(data)) == data  # type: ignore[arg-type]
