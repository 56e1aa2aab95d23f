"""Rate limits, one by one, with Redis and without."""

import pytest
from flask import Flask

from backend import background
from backend.coupons.errors import CouponNotFound
from backend.errors import RateLimited
from miniprogram_api.limits import Limit, counting_wrong_numbers, refuse_if_spent, spend


def _how_many_pass(limit: Limit, who: str, *, tried: int) -> int:
    passed = 0
    for _ in range(tried):
        try:
            spend(limit, who)
        except RateLimited as refused:
            assert refused.retry_after >= 1
        else:
            passed += 1
    return passed


@pytest.mark.parametrize(
    ("limit", "allowed"), [(Limit.CUSTOMER, 20), (Limit.LOGIN, 30), (Limit.TILL, 100)]
)
def test_so_many_pass_at_once_and_no_more(app: Flask, limit: Limit, allowed: int) -> None:
    assert _how_many_pass(limit, "somebody", tried=allowed + 5) == allowed
    assert _how_many_pass(limit, "somebody else", tried=1) == 1


def test_ten_wrong_numbers_are_forgiven_and_right_ones_do_not_count(app: Flask) -> None:
    for _ in range(10):
        with counting_wrong_numbers("verifier-1"):
            pass
        with pytest.raises(CouponNotFound), counting_wrong_numbers("verifier-1"):
            raise CouponNotFound()
    with pytest.raises(RateLimited) as refused, counting_wrong_numbers("verifier-1"):
        raise AssertionError("not even looked at")
    assert 590 <= refused.value.retry_after <= 600
    refuse_if_spent(Limit.WRONG_NUMBERS, "verifier-2")


def test_without_redis_this_process_counts(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        app.extensions, "redis", background.connect("unix:///nowhere/redis.sock?db=0")
    )
    monkeypatch.delitem(app.extensions, "limits", raising=False)
    monkeypatch.setitem(app.extensions, "redis_away_until", 0.0)
    assert _how_many_pass(Limit.CUSTOMER, "without-redis", tried=25) == 20
    monkeypatch.delitem(app.extensions, "limits")


def test_a_limit_looked_at_on_the_way_is_not_asked_again_and_spends_nothing(app: Flask) -> None:
    wrong = (Limit.WRONG_NUMBERS, "looked-at")
    for _ in range(12):
        spend(Limit.TILL, "on-the-way", look_at=wrong)
        refuse_if_spent(*wrong)
    for _ in range(10):
        with pytest.raises(CouponNotFound), counting_wrong_numbers("looked-at"):
            raise CouponNotFound()
    spend(Limit.TILL, "on-the-way", look_at=wrong)
    with pytest.raises(RateLimited):
        refuse_if_spent(*wrong)


def test_who_is_refused_by_one_window_is_not_counted_in_the_other(app: Flask) -> None:
    assert _how_many_pass(Limit.TILL, "impatient", tried=120) == 100
    counted = background.redis().llen("limit:TILL:impatient:10")
    assert counted == 100
