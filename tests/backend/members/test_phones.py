"""Phones: one spelling, and what people may see of it."""

import pytest

from backend.errors import ParamError
from backend.members.phones import WRONG, canonical, masked, sought


@pytest.mark.parametrize(
    "said",
    [
        "18112344469",
        "+8618112344469",
        "+86 181 1234 4469",
        "86-181-1234-4469",
        "008618112344469",
        "１８１１２３４４４６９",
        " 181\u30001234\u20114469 ",
        "\u202d18112344469\u202c",
        "\u200e181\u200b12344469\ufeff",
        "8618112344469",
    ],
)
def test_a_phone_has_one_spelling(said: str) -> None:
    assert canonical(said) == "18112344469"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "1811234446",
        "181123444690",
        "12112344469",
        "+85218112344469",
        "1811234446x",
        "١٨١١٢٣٤٤٤٦٩",
    ],
)
def test_what_is_no_mobile_number_is_refused(said: str) -> None:
    with pytest.raises(ParamError) as refused:
        canonical(said)
    assert refused.value.detail["errors"] == [{"field": "phone", "message": WRONG}]


def test_the_refusal_says_how_a_number_from_elsewhere_is_written() -> None:
    example = WRONG.split()[-1]
    assert example.startswith("+")
    assert canonical(example) == example


@pytest.mark.parametrize(
    "said",
    [
        "+85291234567",
        "+852 9123 4567",
        "00852-9123-4567",
        "852 91234567",
        "＋８５２９１２３４５６７",
    ],
)
def test_a_foreign_phone_has_one_spelling_however_it_is_written(said: str) -> None:
    assert canonical(said) == "+85291234567"
    assert sought(said) == "+85291234567"


def test_the_middle_of_a_phone_is_hidden() -> None:
    assert masked("18112344469") == "181****4469"
    assert masked("+85291234567") == "+852****4567"
    assert masked(None) is None
