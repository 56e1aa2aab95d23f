"""字段不合: who maps a field that cannot hold its value is told before any message leaves."""

import pytest

from backend.messaging.unfit import misfit


@pytest.mark.parametrize(
    ("field", "fact", "values"),
    [
        ("thing1", "title", ("满100减10",)),
        ("const2", "level", ("V3",)),
        ("phrase3", "level", ("黄金会员", "普通会员")),
        ("name4", "store", ("Christopher Lee", "皇岗")),
        ("number5", "points", ()),
        ("character_string6", "number", ()),
        ("amount7", "amount", ()),
        ("time8", "valid_to", ()),
        ("thing1.DATA", "title", ()),
    ],
)
def test_what_fits_is_not_complained_of(field: str, fact: str, values: tuple[str, ...]) -> None:
    assert misfit(field, fact, values=values) is None


@pytest.mark.parametrize(
    ("field", "fact", "values"),
    [
        ("phrase3", "level", ("普通会员", "V3")),
        ("phrase3", "level", ("钻石尊享至尊会员",)),
        ("phrase3", "title", ()),
        ("name4", "store", ("欧阳锋的火锅店福田店皇岗",)),
        ("name4", "level", ("Christopher Featherstone",)),
        ("number5", "title", ()),
        ("amount7", "points", ()),
        ("time8", "title", ()),
        ("phone_number9", "number", ()),
        ("character_string6", "store", ()),
    ],
)
def test_what_does_not_fit_is_named_with_the_cure(
    field: str, fact: str, values: tuple[str, ...]
) -> None:
    said = misfit(field, fact, values=values)
    assert said is not None and said.startswith(field) and "请在微信后台选用" in said
