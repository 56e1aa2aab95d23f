"""Two words of a mall at once, or a mall's and a till's: each voucher is one coupon, used or
refunded, never both, on every database. The controls look first and write then: they must fail."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, insert, select, update

from backend import clock, tenancy
from backend.coupons.errors import CouponRedeemed, CouponRevoked
from backend.coupons.models import Coupon
from backend.database import db, end_read, table_of, transaction
from backend.malls import link, shops
from backend.malls.buyers import Buyer
from backend.malls.models import MallEvent
from backend.malls.receive import Event, EventKind, Sale, receive
from backend.members.models import Member
from backend.merchants.queries import place
from backend.redemption.models import Redemption
from backend.redemption.redeem import Redeemer, redeem
from backend.reports import doctor
from backend.vouchers.models import MallVoucher
from tests.builders import Shop, a_shop, a_template, reread
from tests.malls import a_link, a_mall
from tests.races.test_redemption import together

Deed = Callable[[], object]
ROUNDS = 4


@pytest.fixture
def shop(app: Flask, http: FlaskClient) -> Shop:
    shop = a_shop()
    a_template(shop, "c100")
    a_mall(shop, http, key="m01")
    return shop


def says(event_id: str, voucher: str, kind: EventKind = EventKind.SOLD) -> Deed:
    mall, now = shops.shop("m01"), clock.now()
    assert mall is not None
    sale = Sale("P60", f"O-{voucher}", Buyer(phone="13800138000"), 6000, now)
    event = Event(event_id, kind, voucher, sale if kind is EventKind.SOLD else None)
    return lambda: receive(event, shop=mall, now=now)


def count(shop: Shop, model: type[object]) -> int:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_the_same_sale_said_by_many_at_once_is_one(app: Flask, shop: Shop) -> None:
    a_link(shop, "c100")
    for n in range(ROUNDS):
        deeds = [says(f"e{n}", f"V{n}")] * 4 + [says(f"f{n}-{k}", f"V{n}") for k in range(2)]
        answers = together(app, shop, deeds)
        assert len({answer.number for answer in answers}) == 1  # type: ignore[attr-defined]
    assert count(shop, MallVoucher) == count(shop, Coupon) == ROUNDS
    assert count(shop, MallEvent) == ROUNDS * 3
    assert count(shop, Member) == 1
    assert doctor.check() == []


def test_a_refund_and_a_use_at_once_are_one_of_the_two(app: Flask, shop: Shop) -> None:
    a_link(shop, "c100")
    now, till = clock.now(), Redeemer("till")
    for n in range(ROUNDS):
        together(app, shop, [says(f"s{n}", f"V{n}")])
        uses = [lambda n=n: redeem(f"V{n}", here=place("s01"), by=till, now=now)] * 2
        refunds = [says(f"r{n}", f"V{n}", EventKind.REFUNDED)] * 2
        outcomes = together(app, shop, [*uses, *refunds])
        refused = [each for each in outcomes if isinstance(each, Exception)]
        assert all(isinstance(each, CouponRedeemed | CouponRevoked) for each in refused), refused
        used = count_used(shop, f"V{n}")
        kinds = {type(each) for each in refused}
        assert kinds == ({CouponRedeemed} if used else {CouponRevoked})
        assert len(refused) == (3 if used else 2)
    assert doctor.check() == []


def count_used(shop: Shop, voucher: str) -> int:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return (
            db.session.scalar(
                select(func.count(Redemption.id))
                .join(MallVoucher, MallVoucher.coupon_id == Redemption.live_key)
                .where(MallVoucher.voucher == voucher)
            )
            or 0
        )


def test_sales_while_their_product_is_linked_all_become_coupons(app: Flask, shop: Shop) -> None:
    for n in range(6):
        together(app, shop, [says(f"early{n}", f"E{n}")])
    now = clock.now()
    links = [lambda: a_link(shop, "c100"), lambda: link.link_all(now=now)] * 1
    sales = [says(f"late{n}", f"L{n}") for n in range(4)]
    again = [lambda: link.link_everywhere(now=now)] * 2
    together(app, shop, [*links, *sales, *again])
    together(app, shop, [lambda: link.link_everywhere(now=now)] * 3)
    assert count(shop, Coupon) == count(shop, MallVoucher) == 10
    with tenancy.acting_for(shop.merchant_id):
        assert set(db.session.scalars(select(MallVoucher.state))) == {"linked"}
    assert doctor.check() == []


def test_two_campaigns_of_one_product_started_at_once_are_one(app: Flask, shop: Shop) -> None:
    outcomes = together(
        app, shop, [lambda k=k: a_link(shop, "c100", code=f"mall{k}") for k in range(3)]
    )
    assert sum(isinstance(each, Exception) for each in outcomes) == 2


def test_who_looks_first_and_writes_then_refunds_what_was_used(app: Flask, shop: Shop) -> None:
    """The control."""
    a_link(shop, "c100")
    together(app, shop, [says("s", "V1")])
    reread()
    now, seen = clock.now(), threading.Barrier(2)
    coupons, redemptions = table_of(Coupon), table_of(Redemption)
    with tenancy.acting_for(shop.merchant_id):
        coupon = db.session.scalars(select(Coupon)).one()
        coupon_id, campaign_id, member_id = coupon.id, coupon.campaign_id, coupon.member_id
    reread()

    def writes(state: str) -> Deed:
        def deed() -> object:
            with tenancy.across_merchants("a control"):
                looked = db.session.connection().scalar(
                    select(coupons.c.state).where(coupons.c.id == coupon_id)
                )
            end_read()
            seen.wait()
            assert looked == "usable"
            with transaction():
                connection = db.session.connection()
                connection.execute(
                    update(coupons).where(coupons.c.id == coupon_id).values(state=state)
                )
                if state == "redeemed":
                    connection.execute(
                        insert(redemptions).values(
                            merchant_id=shop.merchant_id,
                            coupon_id=coupon_id,
                            live_key=coupon_id,
                            campaign_id=campaign_id,
                            member_id=member_id,
                            store_id=shop.store_id,
                            at=now,
                            by="till",
                            request_id="",
                            undone_by="",
                            undo_reason="",
                        )
                    )
            return state

        return deed

    assert sorted(map(str, together(app, shop, [writes("redeemed"), writes("revoked")]))) == [
        "redeemed",
        "revoked",
    ]
    assert doctor.check() != []
