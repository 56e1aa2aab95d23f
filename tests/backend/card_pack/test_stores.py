"""适用门店 (R-21): what a coupon promised and what was added since; owner and counter agree."""

import pytest
from flask import Flask

from backend import clock, tenancy
from backend.card_pack.queries import by_id
from backend.coupons.models import CouponTemplate
from backend.coupons.promise import promised_stores
from backend.database import transaction
from backend.redemption import facts
from tests.backend.redemption.coupons import a_coupon
from tests.builders import a_member, a_shop, a_store, a_template


@pytest.mark.parametrize(
    ("promised", "now", "good_at"),
    [
        (["s01"], ["s01"], {"s01"}),
        (["s01"], ["s01", "s02"], {"s01", "s02"}),
        (["s01", "s02"], ["s02"], {"s01", "s02"}),
        (["s01"], ["s02"], {"s01", "s02"}),
        (["s01"], None, None),
        (None, ["s01"], None),
        (None, None, None),
    ],
)
def test_a_coupon_gains_stores_and_loses_none(
    app: Flask, promised: list[str] | None, now: list[str] | None, good_at: set[str] | None
) -> None:
    assert promised_stores(promised, now) == good_at
    shop = a_shop()
    a_store(shop, "s02", "华强北店")
    a_store(shop, "s03", "后海店")
    template = a_template(shop, stores=None if promised is None else list(promised))
    coupon = a_coupon(shop, a_member(shop), template)
    with tenancy.acting_for(shop.merchant_id):
        with transaction():
            row = tenancy.find(CouponTemplate, template)
            assert row is not None
            row.stores = None if now is None else list(now)
        judged, shown = facts.coupon(coupon), by_id(coupon, now=clock.now())
    assert judged is not None
    assert judged.promise.stores == ("all" if good_at is None else good_at)
    owners = "all" if shown.stores == "all" else {store.code for store in shown.stores}
    assert owners == judged.promise.stores
