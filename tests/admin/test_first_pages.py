"""Every role lands on a page that is theirs; coupon numbers are whole only for who needs them."""

import pytest
from flask import Flask

from backend.coupons.numbers import coupon_numbers, spaced
from backend.merchants.models import Role
from tests.admin.desk import at_desk, one_of_each
from tests.builders import a_shop

FIRST = {
    Role.OPERATOR: "/admin/merchants",
    Role.OWNER: "/admin/",
    Role.MARKETING: "/admin/",
    Role.READ_ONLY: "/admin/",
    Role.STORE_MANAGER: "/admin/bills/",
    Role.CASHIER: "/admin/look-up/",
    Role.VERIFIER: "/admin/",
}


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_every_role_lands_on_a_page_of_theirs_without_coupon_numbers(
    app: Flask, role: Role
) -> None:
    shop = a_shop()
    rows = one_of_each(shop)
    visitor = at_desk(app, shop, role)
    landed = visitor.open("/admin/", follow_redirects=True)
    assert landed.status_code == 200 and landed.request.path == FIRST[role]
    text = landed.get_data(as_text=True)
    assert spaced(coupon_numbers().number(rows.coupons)) not in text
    assert 'href="/admin/password"' in text


@pytest.mark.parametrize("role", [Role.CASHIER, Role.READ_ONLY])
@pytest.mark.parametrize("path", ["coupons/", "vouchers/", "coupons/details/?id={id}"])
def test_who_needs_no_whole_coupon_number_reads_its_end(app: Flask, role: Role, path: str) -> None:
    shop = a_shop()
    rows = one_of_each(shop)
    number = coupon_numbers().number(rows.coupons)
    text = at_desk(app, shop, role).read("/admin/" + path.format(id=rows.coupons))
    assert f"**** **** {number[-4:]}" in text
    assert spaced(number) not in text and number not in text
    assert spaced(number) in at_desk(app, shop).read("/admin/" + path.format(id=rows.coupons))


@pytest.mark.parametrize("asked_by", ["number", "phone"])
def test_a_cashier_finds_a_coupon_by_its_number_or_its_holders_phone(
    app: Flask, asked_by: str
) -> None:
    shop = a_shop()
    rows = one_of_each(shop)
    number = coupon_numbers().number(rows.coupons)
    said = spaced(number) if asked_by == "number" else f"138{shop.merchant_id:08d}"
    found = at_desk(app, shop, Role.CASHIER).open(
        f"/admin/look-up/?q={said}", follow_redirects=True
    )
    assert f"**** **** {number[-4:]}" in found.get_data(as_text=True)
