"""Who calls, by what right and at which store is one statement at every door; a signature adds the
nonce that it uses up. (Cost, issue 7)

What is asked here needs no statement of its own: a forged code, a number that is none, a body that
is wrong.
"""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from backend import tenancy
from backend.coupons.qr import COUPON_MARK
from backend.database import changed, db, table_of, transaction
from backend.members.models import Member
from backend.merchants.models import Store
from tests.backend.redemption.coupons import a_verifier
from tests.builders import a_member, a_shop, a_store, reread
from tests.malls import a_mall
from tests.miniprogram_api.pos.till import till_of
from tests.miniprogram_api.statements import counting
from tests.miniprogram_api.verifier.phones import phone_of

FORGED = f"{COUPON_MARK}forged"


def test_a_customer_is_known_in_one_statement(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    phone = phone_of(http, shop, a_member(shop))
    bearer = {"Authorization": f"Bearer {phone.token}"}
    with counting(db.engine) as seen:
        refused = http.get("/api/v1/me/coupons/none", headers=bearer)
    assert refused.get_json()["code"] == "COUPON_NOT_FOUND"
    assert len(seen) == 1, seen


def test_a_verifier_with_their_right_and_store_is_known_in_one_statement(
    app: Flask, http: FlaskClient
) -> None:
    """Also one who was bound before being joined into another member, or who may not."""
    shop = a_shop()
    a_store(shop, "s02", "莲塘")
    bound, survivor, stranger = a_member(shop), a_member(shop), a_member(shop)
    a_verifier(shop, bound)
    phones = {each: phone_of(http, shop, each) for each in (bound, survivor, stranger)}
    members = table_of(Member)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        bind = update(members).where(tenancy.ours(members), members.c.id == bound)
        changed(bind.values(alias_of_id=survivor))
    reread()
    for member, store, code in [
        (bound, "s01", "COUPON_NOT_FOUND"),
        (survivor, "s01", "COUPON_NOT_FOUND"),
        (survivor, "s02", "FORBIDDEN"),
        (stranger, "s01", "NOT_A_VERIFIER"),
    ]:
        for path in ("/check", "/redeem"):
            with counting(db.engine) as seen:
                refused = phones[member].post(path, {"scan": FORGED, "store": store})
            assert refused.get_json()["code"] == code
            assert len(seen) == 1, seen


def test_a_verifier_at_a_store_that_was_closed_is_told_so(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    store, member = a_store(shop, "s02", "莲塘"), a_member(shop)
    a_verifier(shop, member, stores=["s02"])
    stores = table_of(Store)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        closing = update(stores).where(tenancy.ours(stores), stores.c.id == store)
        changed(closing.values(active=False))
    refused = phone_of(http, shop, member).post("/check", {"scan": FORGED, "store": "s02"})
    assert (refused.status_code, refused.get_json()["code"]) == (404, "STORE_NOT_FOUND")


def test_a_till_with_its_store_is_known_in_one_statement_beside_its_nonce(
    app: Flask, http: FlaskClient
) -> None:
    till = till_of(http, a_shop())
    for path in ("/coupons/check", "/coupons/redeem"):
        with counting(db.engine) as seen:
            assert till.post(path, {"scan": FORGED}).get_json()["code"] == "COUPON_NOT_FOUND"
        assert len(seen) == 2, seen
        assert "pos_nonce" in seen[1]


def test_a_malls_shop_is_known_in_one_statement_beside_its_nonce(
    app: Flask, http: FlaskClient
) -> None:
    mall = a_mall(a_shop(), http)
    with counting(db.engine) as seen:
        assert mall.say({}).status_code == 400
    assert len(seen) == 2, seen
    assert "pos_nonce" in seen[1]
