"""扫码付 at the same moment, on every database: one pays, once; what comes too late goes back.
(S1-19, S1-20, X-01, C-16)"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update

from backend import clock, tenancy
from backend.coupons.bill import BillLine
from backend.database import db, end_read, table_of, transaction
from backend.errors import DomainError
from backend.merchants.queries import place
from backend.open_bills import queries, taking, till_events
from backend.open_bills.content import Content
from backend.open_bills.errors import BillBeingPaid
from backend.open_bills.guest import Guest
from backend.open_bills.models import OpenBill, ScanPayment, TillEvent
from backend.open_bills.paying import Paying, pay
from backend.open_bills.put import put
from backend.open_bills.settling import settle
from backend.redemption.redeem import Redeemer
from backend.sales import settle as sales
from backend.sales.bill import Bill, DishLine, Goods, Method, Tender
from backend.sales.queries import settled
from backend.wechat.pay import PaidNotice, TradeState
from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining, a_dining_room, is_sound
from tests.builders import reread
from tests.conftest import StillClock
from tests.journeys.customers import Customer
from tests.races.test_redemption import Deed, _bill, together


@pytest.fixture
def room(app: Flask, http: FlaskClient, wechat: Platform, clock: StillClock) -> Dining:
    return a_dining_room(http, wechat)


def _goods(fen: int = 10000) -> Goods:
    return Goods((DishLine("毛肚", BillLine("D001", None, 1, fen)),))


def _settles(bill: str, *tenders: Tender, **more: Any) -> Deed:  # noqa: ANN401
    now = clock.now()
    said = Bill(number=bill, goods=_goods(), tenders=tenders, settled_at=now, **more)
    return lambda: settle(said, here=place("s01"), by=Redeemer("till k"), now=now)


def _puts(bill: str, fen: int) -> Deed:
    now, content = clock.now(), Content(_goods(fen), table="A12")
    return lambda: put(content, number=bill, here=place("s01"), now=now)


def _pays(room: Dining, guest: Customer, token: str) -> Deed:
    best = guest.get(f"/api/v1/bills/{token}").get_json()["best"]["quote_id"]
    openid = room.wechat.openid(guest.person, room.shop.mini)
    who, now = Guest([guest.member_id], room.shop.mini, openid), clock.now()
    return lambda: pay(token, best, guest=who, now=now)


def _notice(room: Dining) -> PaidNotice:
    """What WeChat Pay tells of the newest payment."""
    reread()
    with tenancy.acting_for(room.shop.merchant_id):
        row = db.session.scalars(select(ScanPayment).order_by(ScanPayment.id.desc())).first()
        assert row is not None
        notice = PaidNotice(
            room.shop.merchant_id,
            row.out_trade_no,
            TradeState.SUCCESS,
            "4200",
            row.amount_fen,
            row.app_id,
            row.openid,
            "",
            clock.machine_now(),
        )
    reread()
    return notice


def _hears(notice: PaidNotice) -> Deed:
    now = clock.now()
    return lambda: taking.take(notice, now=now)


def _refused(outcomes: Sequence[object]) -> list[str]:
    return sorted(outcome.code for outcome in outcomes if isinstance(outcome, DomainError))


def assert_paid_once(room: Dining) -> None:
    """One payment has the bill's money, and the till was told once."""
    bills, payments = room.states()
    assert (bills.count("paid"), payments.count("paid")) == (1, 1)
    assert room.kinds() == ["paid"]


@pytest.mark.parametrize("_round", range(3))
def test_six_phones_and_one_bill(app: Flask, room: Dining, _round: int) -> None:
    token = room.token("B1")
    guests = [room.guest(f"客{n}") for n in range(6)]
    outcomes = together(app, room.shop, [_pays(room, guest, token) for guest in guests])
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, Paying)]
    assert {type(each) for each in outcomes if each is not won} == {BillBeingPaid}
    assert room.states() == (["open"], ["prepared"])
    assert len(room.wechat.orders()) == 1
    is_sound()


def _naively_pays(room: Dining, bill_id: int, seen: threading.Barrier) -> Deed:
    """Look whether somebody is paying; if not, write."""
    now = clock.now()

    def deed() -> object:
        nobody = queries.live_payment(bill_id) is None
        end_read()
        seen.wait()
        if not nobody:
            raise BillBeingPaid()
        name = threading.current_thread().name
        with transaction():
            db.session.connection().execute(
                insert(table_of(ScanPayment)).values(
                    merchant_id=tenancy.merchant_id(),
                    open_bill_id=bill_id,
                    out_trade_no=name,
                    app_id="a",
                    openid="o",
                    member_id=1,
                    quote_code="q",
                    amount_fen=1,
                    state="prepared",
                    preparing_until=now,
                    prepay_id="",
                    transaction_id="",
                    refund_id="",
                    refunded_fen=0,
                    created_at=now,
                )
            )
        return name

    return deed


def test_looking_first_and_writing_then_has_several_pay(app: Flask, room: Dining) -> None:
    """The control: without the key there is more than one payment under way."""
    room.token("B1")
    reread()
    with tenancy.acting_for(room.shop.merchant_id):
        bill_id = db.session.scalars(select(OpenBill.id)).one()
    reread()
    seen = threading.Barrier(4)
    together(app, room.shop, [_naively_pays(room, bill_id, seen) for _ in range(4)])
    assert len(room.states()[1]) > 1


@pytest.mark.parametrize("_round", range(3))
def test_a_notice_eight_times_at_once(app: Flask, room: Dining, _round: int) -> None:
    guest = room.guest()
    room.coupon(guest)
    room.sheet(guest, room.token("B1"))
    together(app, room.shop, [_hears(_notice(room))] * 8)
    assert_paid_once(room)
    is_sound()


def test_hearing_without_looking_at_the_rows_changed_tells_the_till_often(
    app: Flask, room: Dining
) -> None:
    """The control: read the state, then write it and the event."""
    guest = room.guest()
    room.sheet(guest, room.token("B1"))
    notice, seen, now = _notice(room), threading.Barrier(4), clock.now()
    payments, events = table_of(ScanPayment), table_of(TillEvent)

    def naive() -> None:
        found = queries.payment_of_order(notice.out_trade_no)
        assert found is not None and found.state == "prepared"
        end_read()
        seen.wait()
        with transaction():
            connection = db.session.connection()
            connection.execute(
                update(payments).where(payments.c.id == found.id).values(state="paid")
            )
            connection.execute(
                insert(events).values(
                    merchant_id=tenancy.merchant_id(),
                    store_id=room.shop.store_id,
                    kind="paid",
                    subject=threading.current_thread().name,
                    content={},
                    at=now,
                )
            )

    together(app, room.shop, [naive] * 4)
    with pytest.raises(AssertionError):
        assert_paid_once(room)


@pytest.mark.parametrize("_round", range(4))
def test_settled_in_cash_while_the_money_arrives(app: Flask, room: Dining, _round: int) -> None:
    """Either the payment has the bill and the till is told, or the money goes back."""
    guest = room.guest()
    coupon = room.coupon(guest)
    room.sheet(guest, room.token("B1"))
    deeds = [_settles("B1", Tender(Method.CASH, 10000)), *[_hears(_notice(room))] * 3]
    outcomes = together(app, room.shop, deeds)
    if _refused(outcomes):
        assert _refused(outcomes) == ["BILL_PAID"]
        assert (room.states(), room.kinds()) == ((["paid"], ["paid"]), ["paid"])
        assert guest.numbers("locked") == [coupon]
    else:
        assert (room.states(), room.kinds()) == ((["settled"], ["stray"]), ["stray"])
        assert guest.numbers() == [coupon]
    assert_has_its_money_once(room, "B1")
    is_sound()


def assert_has_its_money_once(room: Dining, bill: str) -> None:
    """Paid by phone and waiting for the till, or settled by the till and the money goes back."""
    payments = room.states()[1]
    with tenancy.acting_for(room.shop.merchant_id):
        is_settled = settled(room.shop.store_id, bill) is not None
    reread()
    assert payments == (["stray"] if is_settled else ["paid"])


def _naively(room: Dining, seen: threading.Barrier, write: Callable[[], object]) -> Deed:
    """The bill is open: go on, whatever has happened since."""

    def deed() -> object:
        found = queries.at_table(room.shop.store_id, "A12")
        assert found is not None and found.state == "open"
        end_read()
        seen.wait()
        return write()

    return deed


def test_looking_first_has_the_bill_settled_in_cash_and_paid_by_phone(
    app: Flask, room: Dining
) -> None:
    """The control: both saw it open, neither held it."""
    room.sheet(room.guest(), room.token("B1"))
    seen, cash = threading.Barrier(2), _bill("B1")
    payments = table_of(ScanPayment)

    def settles() -> object:
        return sales.settle(cash, here=place("s01"), by=Redeemer("till k"), now=cash.settled_at)

    def hears() -> None:
        with transaction():
            db.session.connection().execute(
                update(payments).values(state="paid", live_key=None, paid_at=cash.settled_at)
            )

    together(app, room.shop, [_naively(room, seen, settles), _naively(room, seen, hears)])
    with pytest.raises(AssertionError):
        assert_has_its_money_once(room, "B1")


def assert_pays_for_what_lies_there(room: Dining) -> None:
    reread()
    with tenancy.acting_for(room.shop.merchant_id):
        found = queries.at_table(room.shop.store_id, "A12")
        assert found is not None
        live = queries.live_payment(found.id)
        assert live is None or live.amount_fen == found.content.goods.total_fen
    reread()


def test_looking_first_has_a_guest_pay_for_other_dishes_than_lie_there(
    app: Flask, room: Dining
) -> None:
    """The control: nobody was paying when the till looked, the dishes were those when the guest
    did."""
    room.sheet(room.guest(), room.token("B1"))
    reread()
    bills, payments = table_of(OpenBill), table_of(ScanPayment)
    with transaction():
        db.session.connection().execute(update(payments).values(live_key=None, state="closed"))
    reread()
    seen, other = threading.Barrier(2), Content(_goods(30000), table="A12")

    def puts() -> None:
        with transaction():
            db.session.connection().execute(
                update(bills).values(content=other.kept(), fingerprint=other.fingerprint)
            )

    def pays() -> None:
        with transaction():
            db.session.connection().execute(
                update(payments).values(live_key=payments.c.open_bill_id, state="prepared")
            )

    together(app, room.shop, [_naively(room, seen, puts), _naively(room, seen, pays)])
    with pytest.raises(AssertionError):
        assert_pays_for_what_lies_there(room)


@pytest.mark.parametrize("_round", range(4))
def test_other_dishes_while_the_money_arrives(app: Flask, room: Dining, _round: int) -> None:
    guest = room.guest()
    room.sheet(guest, room.token("B1"))
    outcomes = together(app, room.shop, [_puts("B1", 30000), *[_hears(_notice(room))] * 3])
    if _refused(outcomes):
        assert _refused(outcomes) == ["BILL_PAID"]
        assert room.states() == (["paid"], ["paid"])
    else:
        assert (room.states(), room.kinds()) == ((["open"], ["stray"]), ["stray"])
    is_sound()


@pytest.mark.parametrize("_round", range(4))
def test_other_dishes_while_a_guest_begins_to_pay(app: Flask, room: Dining, _round: int) -> None:
    """Whoever pays, pays for what lies on the table."""
    guest = room.guest()
    token = room.token("B1")
    outcomes = together(app, room.shop, [_puts("B1", 30000), _pays(room, guest, token)])
    assert _refused(outcomes) in ([], ["QUOTE_EXPIRED"], ["BUSY"])
    assert_pays_for_what_lies_there(room)
    room.tick()
    with tenancy.acting_for(room.shop.merchant_id):
        live = db.session.scalars(select(ScanPayment.id).where(ScanPayment.live_key.is_not(None)))
        assert live.all() == []
    is_sound()


def test_one_bill_put_by_eight_at_once_is_one_bill(app: Flask, room: Dining) -> None:
    together(app, room.shop, [_puts("B1", 10000 + n % 2) for n in range(8)])
    assert room.states() == (["open"], [])


def test_the_till_settles_a_paid_bill_ten_times_at_once(app: Flask, room: Dining) -> None:
    guest = room.guest()
    coupon = room.coupon(guest)
    room.confirm(guest, room.sheet(guest, room.token("B1")))
    (told,) = room.events()
    deed = _settles(
        "B1",
        Tender(Method.WECHAT, 9000),
        member_id=guest.member_id,
        quote_id=told["quote_id"],
    )
    outcomes = together(app, room.shop, [deed] * 10)
    assert len(set(outcomes)) == 1
    assert room.states() == (["settled"], ["paid"]) and guest.numbers("redeemed") == [coupon]
    is_sound()


def _tells(room: Dining, who: int) -> Callable[[], object]:
    def deed() -> None:
        for n in range(8):
            with transaction():
                till_events.tell(
                    room.shop.store_id,
                    "paid",
                    subject=f"{who}-{n}",
                    content={"bill": f"{who}-{n}"},
                    now=clock.now(),
                )

    return deed


def _listens(room: Dining, until: int) -> Callable[[], object]:
    def deed() -> list[int]:
        seen: list[int] = []
        end = time.monotonic() + 30
        while len(seen) < until and time.monotonic() < end:
            after = seen[-1] if seen else 0
            found = till_events.events_after(room.shop.store_id, after, now=clock.now())
            end_read()
            seen += [event.seq for event in found]
        return seen

    return deed


def test_four_tills_listen_while_four_things_happen_and_none_misses_any(
    app: Flask, room: Dining
) -> None:
    """Each hears all 32, in the same order, without a gap."""
    deeds = [_tells(room, who) for who in range(4)] + [_listens(room, 32) for _ in range(4)]
    heard = [each for each in together(app, room.shop, deeds) if each is not None]
    assert heard == [list(range(1, 33))] * 4
