"""Our facts in WeChat's fields: every value is one that WeChat takes (47003 otherwise)."""

import pytest
from pydantic import JsonValue

from backend.calendar import SHANGHAI
from backend.messaging import compose
from backend.messaging.models import Purpose
from scripts.wechat_platform.fields import subscribe_values

MOMENT = "2026-11-23T09:30:00+08:00"


@pytest.mark.parametrize(
    ("field", "value", "written"),
    [
        ("thing1", "满100减10", "满100减10"),
        (
            "thing1",
            "一二三四五六七八九十一二三四五六七八九十",
            "一二三四五六七八九十一二三四五六七八九十",
        ),
        (
            "thing1",
            "一二三四五六七八九十一二三四五六七八九十多",
            "一二三四五六七八九十一二三四五六七八九…",
        ),
        ("thing1", "两\n行", "两 行"),
        ("thing1", None, "无"),
        ("thing1", "  ", "无"),
        ("thing1", 3, "3"),
        ("number2", 12, "12"),
        ("number2", -12, "-12"),
        ("number2", "12.5分", "12.5"),
        ("number2", "一", "0"),
        ("letter3", "A-1", "A"),
        ("character_string4", "4829 1307 5561", "4829 1307 5561"),
        ("character_string4", "券482913", "482913"),
        ("character_string4", "x" * 40, "x" * 32),
        ("character_string4", None, "-"),
        ("time5", MOMENT, "2026-11-23 09:30"),
        ("time5", "2026-11-23T01:30:00Z", "2026-11-23 09:30"),
        ("time5", "2026-12-22", "2026-12-22 23:59"),
        ("date6", MOMENT, "2026-11-23"),
        ("date6", "2026-12-22", "2026-12-22"),
        ("date6", None, "2099-12-31"),
        ("date6", "长期", "2099-12-31"),
        ("amount7", 5000, "50元"),
        ("amount7", 1, "0.01元"),
        ("amount7", -1250, "12.5元"),
        ("amount7", "50", "50元"),
        ("amount7", None, "0元"),
        ("phrase8", "已核销ABC", "已核销"),
        ("phrase8", "一二三四五六", "一二三四五"),
        ("phrase8", "VIP", "无"),
        ("name9", "欧阳" * 10, "欧阳" * 5),
        ("phone_number10", "+86 13800000000", "+8613800000000"),
        ("name9", "Christopher Lee", "Christopher Lee"),
        ("name9", "Christopher Featherstone", "Christopher Feathers"),
        ("name9", "Christopher 李", "Christopher"[:10]),
        ("phone_number10", "0755-83021688 转 8", "0755-83021688"),
        ("phone_number10", "0755-83021688转8", "0755-83021688"),
        ("phone_number10", "+86 755 83021688 ext. 8", "+8675583021688"),
        ("phone_number10", "0755-83021688#8", "0755-83021688"),
        ("phone_number10", "13800138000 13900139000", "0"),
        ("number2", "1" * 33, "0"),
        ("amount7", "12345678901", "0元"),
        ("car_number11", "粤B123456789", "无"),
        ("car_number11", "粤B12345", "粤B12345"),
        ("keyword1", "长" * 30, "长" * 19 + "…"),
        ("const12", "普通会员", "普通会员"),
    ],
)
def test_a_value_is_cut_and_spelt_as_its_field_takes_it(
    field: str, value: JsonValue, written: str
) -> None:
    assert compose.fitted(field, value, zone=SHANGHAI) == written


KINDS = [
    "thing", "number", "letter", "symbol", "character_string", "time", "date", "amount",
    "phone_number", "car_number", "name", "phrase", "const", "short_thing",
]  # fmt: skip
ODD: list[JsonValue] = [
    None, "", "   ", 0, -5, 10**20, "长" * 99, "x" * 99, "☃" * 9, MOMENT, "2026-12-22", "-", "1e9",
    "a b", True, "12.", "¥12",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_fact_wechat_takes_the_field(kind: str) -> None:
    for value in ODD:
        field = f"{kind}1"
        written = compose.fitted(field, value, zone=SHANGHAI)
        subscribe_values({field: {"value": written}}, {field: ""})


def test_fields_take_the_facts_they_name_and_a_start_begins_with_its_day() -> None:
    filled = compose.fields(
        {"thing1": "title", "time2": "valid_from", "time3": "valid_to", "thing4": "store"},
        {"title": "券", "valid_from": "2026-11-23", "valid_to": "2026-12-22"},
        zone=SHANGHAI,
    )
    assert filled == {
        "thing1": "券",
        "time2": "2026-11-23 00:00",
        "time3": "2026-12-22 23:59",
        "thing4": "无",
    }


@pytest.mark.parametrize("purpose", Purpose)
def test_every_purpose_has_a_sentence_that_fits_a_customer_service_message(
    purpose: Purpose,
) -> None:
    facts: dict[str, JsonValue] = dict.fromkeys(compose.FACTS, "长" * 60)
    sentence = compose.text(purpose, facts, zone=SHANGHAI)
    assert 0 < len(sentence.encode()) <= 2048
    assert "{" not in sentence
    assert compose.text(purpose, {}, zone=SHANGHAI) or purpose is Purpose.CAMPAIGN_NEWS


def test_the_sentence_names_day_and_time_in_the_merchants_zone() -> None:
    sentence = compose.text(
        Purpose.COUPON_REDEEMED,
        {"title": "满100减10", "store": "皇岗", "time": "2026-11-23T01:30:00Z"},
        zone=SHANGHAI,
    )
    assert sentence == "您的 满100减10 已于 2026-11-23 09:30 在皇岗核销。"
