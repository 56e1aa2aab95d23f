"""错误: words for people, facts for machines."""

from datetime import UTC, date, datetime

import pytest

from backend.errors import Busy, DomainError, ParamError, RateLimited


class StoreClosed(DomainError):
    code = "STORE_CLOSED"
    message = "{store_name:店}自{at:%Y-%m-%d %H:%M}起停业，满{minimum_fen:yuan}元可用"
    http_status = 409
    hint = "请换一家门店"


class OpensOn(DomainError):
    message = "{day}起可用"


@pytest.mark.parametrize("store_name", ["皇岗", "皇岗店"])
def test_a_refusal_is_read_out_in_words_and_carries_its_facts(store_name: str) -> None:
    at = datetime(2026, 11, 23, 12, 30, 5, 999, tzinfo=UTC)

    error = StoreClosed(store_name=store_name, at=at, minimum_fen=5010)

    assert error.message == "皇岗店自2026-11-23 12:30起停业，满50.1元可用"
    assert str(error) == error.message
    assert error.detail == {
        "store_name": store_name,
        "at": "2026-11-23T12:30:05+00:00",
        "minimum_fen": 5010,
        "hint": "请换一家门店",
    }


def test_a_day_is_spelt_as_a_date_in_words_and_facts() -> None:
    error = OpensOn(day=date(2026, 11, 23))
    assert (error.message, error.detail) == ("2026-11-23起可用", {"day": "2026-11-23"})


def test_a_missing_fact_is_a_mistake_of_the_programmer() -> None:
    with pytest.raises(KeyError):
        OpensOn()


def test_wrong_fields_are_named_and_limits_say_when_to_come_back() -> None:
    wrong = ParamError(errors=[{"field": "lines.0.quantity", "message": "应为正整数"}])
    assert wrong.http_status == 400
    assert wrong.detail == {"errors": [{"field": "lines.0.quantity", "message": "应为正整数"}]}
    assert RateLimited(retry_after=3).detail == {"retry_after": 3}
    assert (Busy().code, Busy().message, Busy().detail) == ("BUSY", "系统繁忙，请稍后再试", {})
