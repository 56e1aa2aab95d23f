"""商城回报: in order for each voucher, tried again with growing pauses, given up at last."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from backend import clock, tenancy
from backend.database import changed, table_of, transaction
from backend.leases import pause_after
from backend.malls import report
from backend.malls.errors import ReportNotFound
from backend.redemption.models import ReportState, VoucherReport
from tests.builders import Shop, a_shop, a_template, reread
from tests.malls import Listener, MallClient, a_link, a_mall, listening, reports_of
from tests.miniprogram_api.pos.till import TillClient, till_of

_reports = table_of(VoucherReport)


class Counter:
    """A till with vouchers in hand."""

    def __init__(self, shop: Shop, mall: MallClient, till: TillClient) -> None:
        self.shop, self.mall, self.till = shop, mall, till

    def uses(self, voucher: str) -> int:
        self.mall.sold(voucher)
        done = self.till.post("/coupons/redeem", {"scan": voucher})
        assert done.status_code == 201, done.json
        return int(done.json["redemption"]["id"])

    def undoes(self, redemption: int) -> None:
        answer = self.till.post(f"/redemptions/{redemption}/undo", {"reason": "错了"})
        assert answer.status_code == 200

    def states(self) -> list[tuple[str, str, int]]:
        return [(each.kind, each.state, each.tries) for each in reports_of(self.shop)]


def have(**values: object) -> None:
    with transaction(), tenancy.across_merchants("a test changes the reports"):
        changed(update(_reports).values(**values))
    reread()


def pauses_pass() -> None:
    have(due_at=clock.machine_now() - timedelta(seconds=1))


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    a_template(shop, "c100")
    a_link(shop, "c100")
    return shop


@pytest.fixture
def ear(shop: Shop) -> Listener:  # type: ignore[misc]
    with listening(f"x-m-{shop.code}") as listener:
        yield listener  # type: ignore[misc]


@pytest.fixture
def counter(shop: Shop, http: FlaskClient, ear: Listener) -> Counter:
    return Counter(shop, a_mall(shop, http, callback=ear.url), till_of(http, shop))


def test_an_undoing_is_never_told_before_its_use(counter: Counter, ear: Listener) -> None:
    redemption = counter.uses("V1")
    ear.answers = [500]
    report.send_due()
    counter.undoes(redemption)
    report.send_due()
    assert ear.told == []
    assert counter.states() == [("redeemed", "waiting", 1), ("undone", "waiting", 0)]
    pauses_pass()
    report.send_due()
    assert ear.types() == ["redeemed", "undone"]
    assert [state for _, state, _ in counter.states()] == ["taken", "taken"]


def test_one_vouchers_trouble_does_not_hold_up_another(counter: Counter, ear: Listener) -> None:
    counter.uses("V1")
    ear.answers = [503]
    report.send_due()
    counter.uses("V2")
    report.send_due()
    assert [event["voucher"] for event in ear.told] == ["V2"]


def test_pauses_grow_to_an_hour_and_three_days_are_enough() -> None:
    waits = [pause_after(tries, report.PAUSES) for tries in range(1, report.MOST_TRIES)]
    assert waits == sorted(waits) and waits[-1] == timedelta(hours=1)
    assert timedelta(days=3) <= sum(waits, timedelta()) < timedelta(days=3, hours=3)


def test_it_is_given_up_at_last_and_sent_again_by_hand(
    counter: Counter, ear: Listener, shop: Shop
) -> None:
    counter.uses("V1")
    have(tries=report.MOST_TRIES - 1)
    ear.answers = [500]
    report.send_due()
    (row,) = reports_of(shop)
    assert (row.state, row.last_error) == (ReportState.FAILED, "HTTP 500")
    pauses_pass()
    report.send_due()
    assert ear.told == []
    with tenancy.acting_for(shop.merchant_id):
        report.send_again(row.id)
        with pytest.raises(ReportNotFound):
            report.send_again(row.id)
    reread()
    report.send_due()
    assert ear.types() == ["redeemed"]


def test_a_sender_that_died_is_followed_by_another_under_the_same_event(
    counter: Counter, ear: Listener
) -> None:
    counter.uses("V1")
    (claim,) = report._take_due(clock.machine_now())
    assert report._take_due(clock.machine_now()) == []
    pauses_pass()
    report.send_due()
    assert ear.types() == ["redeemed"]
    assert report._record(claim, "HTTP 500") == ReportState.WAITING
    assert counter.states() == [("redeemed", "taken", 0)]


def test_a_redirect_is_not_an_answer(counter: Counter, ear: Listener, shop: Shop) -> None:
    counter.uses("V1")
    ear.answers = [302]
    report.send_due()
    assert (ear.told, counter.states()) == ([], [("redeemed", "waiting", 1)])
    assert reports_of(shop)[0].last_error == "HTTP 302"


def test_without_an_address_the_report_waits_and_says_so(shop: Shop, http: FlaskClient) -> None:
    counter = Counter(shop, a_mall(shop, http), till_of(http, shop))
    counter.uses("V1")
    report.send_due()
    assert counter.states() == [("redeemed", "waiting", 1)]
    assert reports_of(shop)[0].last_error == "没有设置回调地址"
