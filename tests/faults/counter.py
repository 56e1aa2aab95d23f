"""柜台: what a till, phones and a mall do, each deed under its caller's own number or key, so that
whoever got no answer does it again alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from backend import background, clock, tenancy
from backend.campaigns.models import ClaimLink
from backend.database import changed, db, table_of, transaction
from backend.merchants.models import Merchant
from backend.open_bills.models import OpenBill, ScanPayment
from backend.points import ledger
from backend.redemption.models import VoucherReport
from backend.reports import doctor
from backend.wechat.models import PayAccount
from jobs import malls, open_bills
from scripts.wechat_platform.pay_errors import PayError
from scripts.wechat_platform.people import Person, add_person, person_with_id
from scripts.wechat_platform.server import Platform
from tests.faults.deployment import BEFORE, COUNTER, MINI
from tests.malls import MallClient, a_sale
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish

KEY = {"Idempotency-Key": "once-000001"}
MCH_ID = "1900009191"
MANY = 8
VOUCHER = "V60-000001"
"""Of the mall's product P60."""


_ONLY = "a deed looks at its only merchant"


@dataclass(frozen=True)
class Counter:
    """The product and WeChat."""

    app: Flask
    platform: Platform

    @property
    def http(self) -> FlaskClient:
        return self.app.test_client()

    @property
    def till(self) -> TillClient:
        return TillClient(self.http, "k01", "p01")

    def person(self, name: str) -> Person:
        store = self.platform.world.store
        return person_with_id(store, name) or add_person(store, name, id=name, now=0)

    def phone(self, name: str) -> "Phone":
        """Somebody logged in at the mini-program."""
        code = self.platform.login_code(self.person(name), MINI)
        answer = self.http.post("/api/v1/login", json={"app_id": MINI, "code": code})
        assert answer.status_code == 200, answer.text
        told = answer.get_json()
        return Phone(self.http, told["token"], told["member"]["id"])

    @property
    def merchant_id(self) -> int:
        with tenancy.across_merchants("a deed looks for its merchant"):
            return db.session.scalars(select(Merchant.id)).one()


@dataclass(frozen=True)
class Phone:
    """A guest's."""

    http: FlaskClient
    token: str
    member_id: int

    def get(self, path: str) -> Any:  # noqa: ANN401
        return self.http.get(path, headers={"Authorization": f"Bearer {self.token}"}).get_json()

    def post(self, path: str, body: object, *fine: int) -> Any:  # noqa: ANN401
        headers = {"Authorization": f"Bearer {self.token}", **KEY}
        answer = self.http.post(path, json=body, headers=headers)
        assert answer.status_code in fine, answer.text
        return answer.get_json()


def arrange(here: Counter) -> None:
    """开张: the set-up file, a 商户号, a guest with points."""
    before = datetime.fromisoformat(BEFORE)
    with here.app.app_context():
        clock.start_at(before - timedelta(hours=1), nothing_recorded=True)
    for command in (["clock", "set", BEFORE, "--hold"], ["setup", "apply", str(COUNTER)]):
        done = here.app.test_cli_runner().invoke(args=command)
        assert done.exit_code == 0, done.output
    given, host = here.platform.pay_account(MCH_ID), here.phone("host")
    with here.app.app_context(), tenancy.acting_for(here.merchant_id):
        with transaction():
            db.session.add(
                PayAccount(
                    mch_id=given.mch_id,
                    serial_no=given.serial_no,
                    private_key=given.private_key,
                    api_v3_key=given.api_v3_key,
                    public_key_id=given.public_key_id,
                    public_key=given.public_key,
                )
            )
        ledger.earn(host.member_id, 1000, cause="before", now=clock.now())


def settle(here: Counter) -> None:
    """结账 that brings points and a gift."""
    bill = a_bill(a_dish("D001", 120), member_id=here.phone("host").member_id)
    _fine(here.till.post("/bills/G1/settle", bill), 200, 201)


def claim(here: Counter) -> None:
    """领取 of the gift by a friend."""
    with here.app.app_context(), tenancy.across_merchants(_ONLY):
        code = db.session.connection().scalar(select(table_of(ClaimLink).c.code))
    here.phone("friend").post(f"/api/v1/claims/{code}", {}, 200, 409)


def refund(here: Counter) -> None:
    """退款 of the bill that brought the gift."""
    _fine(here.till.post("/bills/G1/refund", {"refund": "R1", "reason": "退单"}), 200, 201)


def replay(here: Counter) -> None:
    """离线补传 of two bills."""
    bills = [a_bill(member_id=here.phone("host").member_id) | {"bill": f"O{n}"} for n in (1, 2)]
    _fine(here.till.post("/bills/replay", {"bills": bills}), 200)


def recharge(here: Counter) -> None:
    """充值."""
    member_id = here.phone("host").member_id
    body = {"recharge": "C1", "member_id": member_id, "principal_fen": 20000}
    _fine(here.till.post("/recharges", body), 200, 201)


def exchange(here: Counter) -> None:
    """积分兑换 on the phone."""
    host = here.phone("host")
    offer = host.get("/api/v1/exchanges")["items"][0]
    path = f"/api/v1/exchanges/{offer['campaign_id']}"
    host.post(path, {"template_id": offer["template_id"]}, 200, 201)


def till_exchange(here: Counter) -> None:
    """积分兑换 at the till."""
    member_id = here.phone("host").member_id
    offer = here.till.get(f"/exchanges?member_id={member_id}").get_json()["items"][0]
    wanted = {name: offer[name] for name in ("campaign_id", "template_id")}
    _fine(here.till.post("/exchanges", {"member_id": member_id, **wanted}, **KEY), 201)


def points_by_hand(here: Counter) -> None:
    """手动增加积分: an effect that only the key makes single."""
    body = {"member_id": here.phone("host").member_id, "points": 50, "reason": "补积分"}
    _fine(here.till.post("/points", body, **KEY), 200)


def put(here: Counter) -> None:
    """上桌."""
    body = {"table": "A12", "guests": 2, "cashier": "小李", "lines": [a_dish()]}
    _fine(here.till.call("PUT", "/bills/T1", body), 200, 201)


def pay(here: Counter) -> None:
    """扫码支付: the pay sheet opens."""
    host, token = here.phone("host"), _token(here)
    quote = host.get(f"/api/v1/bills/{token}")["best"]["quote_id"]
    headers = {"Authorization": f"Bearer {host.token}"}
    body = {"quote_id": quote}
    _fine(here.http.post(f"/api/v1/bills/{token}/pay", json=body, headers=headers), 200)


def confirm(here: Counter) -> None:
    """确认支付 on the sheet that opened last; paid already, WeChat Pay tells of it once more."""
    with here.app.app_context(), tenancy.across_merchants(_ONLY):
        payments = table_of(ScanPayment)
        newest = select(payments.c.prepay_id).order_by(payments.c.id.desc())
        prepay_id = db.session.connection().scalar(newest.limit(1))
    try:
        here.platform.pay(here.person("host"), str(prepay_id))
    except PayError:
        here.platform.push_waiting()
    assert all(told.done for told in here.platform.notices()), here.platform.notices()


def confirm_unheard(here: Counter) -> None:
    """确认支付, and its notice is lost."""
    here.platform.deliver_notice = lambda url, headers, body: (0, b"")
    confirm_in_vain(here)


def settle_paid(here: Counter) -> None:
    """结账 with what the till was told of the payment."""
    events = here.till.get("/events?after=0").get_json()["events"]
    (told,) = [each for each in events if each["kind"] == "paid"]
    named = {key: told[key] for key in ("quote_id", "member_id", "tenders")}
    bill = {"table": "A12", "settled_at": BEFORE, "lines": [a_dish()], **named}
    _fine(here.till.post("/bills/T1/settle", bill), 200, 201)


def settle_cash(here: Counter) -> None:
    """结账 in cash while the sheet is open on the phone."""
    _fine(here.till.post("/bills/T1/settle", a_bill()), 200, 201)


def refund_paid(here: Counter) -> None:
    """退款 of what was paid by phone."""
    _fine(here.till.post("/bills/T1/refund", {"refund": "R2", "reason": "退单"}), 200, 201)


def call_off(here: Counter) -> None:
    """退回顾客 of a paid bill that will not be settled."""
    _fine(here.till.post("/bills/T1/give-back", {"reason": "客人走了"}), 200, 201)


def sold(here: Counter) -> None:
    """商城推送."""
    _fine(MallClient(here.http, "m01", "x01", KEY).say(a_sale(VOUCHER, event_id="e1")), 200)


def use_voucher(here: Counter) -> None:
    """核销 of what the mall sold."""
    _fine(here.till.post("/coupons/redeem", {"scan": VOUCHER}, **KEY), 201)


def tell_mall(here: Counter) -> None:
    """商城回报, no lease and no pause in the way."""
    with here.app.app_context():
        reports = table_of(VoucherReport)
        with transaction(), tenancy.across_merchants(_ONLY):
            changed(update(reports).values(due_at=clock.machine_now()))
        malls.tick.__wrapped__()  # type: ignore[attr-defined]


def tick(here: Counter) -> None:
    """The tick that looks after payments, which asked nothing lately."""
    with here.app.app_context():
        for key in background.redis().scan_iter("payment:*"):
            background.redis().delete(key)
        open_bills.tick.__wrapped__()  # type: ignore[attr-defined]


def preparing_is_over(here: Counter) -> None:
    """The half minute has passed for which a payment may be on its way to WeChat Pay."""
    with here.app.app_context(), transaction(), tenancy.across_merchants(_ONLY):
        changed(update(table_of(ScanPayment)).values(preparing_until=clock.machine_now()))


def the_sheet_lapses(here: Counter) -> None:
    _move_clock(here, "2026-11-23T09:30:00+08:00")


def much_to_tell(here: Counter) -> None:
    """Vouchers that were used, and money that came too late, of as many bills."""
    host, mall = here.phone("host"), MallClient(here.http, "m01", "x01")
    headers = {"Authorization": f"Bearer {host.token}"}
    for number in range(MANY):
        voucher, bill = f"V60-{number:06d}", f"M{number}"
        _fine(mall.say(a_sale(voucher, event_id=voucher)), 200)
        _fine(here.till.post("/coupons/redeem", {"scan": voucher}), 201)
        lying = here.till.call("PUT", f"/bills/{bill}", {"table": "A12", "lines": [a_dish()]})
        path = f"/api/v1/bills/{lying.get_json()['token']}"
        quote = host.get(path)["best"]["quote_id"]
        sheet = here.http.post(f"{path}/pay", json={"quote_id": quote}, headers=headers)
        _fine(sheet, 200)
        _fine(here.till.post(f"/bills/{bill}/settle", a_bill()), 200, 201)
        package = sheet.get_json()["wechat_pay"]["package"]
        here.platform.pay(here.person("host"), package.removeprefix("prepay_id="))


def pay_says_500(here: Counter) -> None:
    """The next call of WeChat Pay fails, and has done what it was asked."""
    here.platform.fail("*", status=500, code="SYSTEM_ERROR", carried_out=True)


def pay_refuses(here: Counter) -> None:
    """The next call of WeChat Pay fails, and has done nothing."""
    here.platform.fail("*", status=500, code="SYSTEM_ERROR")


def pay_is_forged(here: Counter) -> None:
    """The next answer of WeChat Pay is not what it signed."""
    here.platform.fail("*", truncate=True)


def pay_hangs(here: Counter) -> None:
    """The next answer of WeChat Pay comes after the product has stopped to wait."""
    here.platform.fail("*", hang=60)


def notices_are_forged(here: Counter) -> None:
    """The next notice bears a signature of something else, then come the true one and its twin."""
    here.platform.spoil_notices(wrong_signature=True)
    here.platform.spoil_notices(duplicates=1)


def confirm_in_vain(here: Counter) -> None:
    """确认支付, and the notice is not taken."""
    try:
        confirm(here)
    except AssertionError:
        return
    raise AssertionError("the notice was taken")


def pay_in_vain(here: Counter) -> None:
    """扫码支付 while WeChat Pay does not answer as it should."""
    try:
        pay(here)
    except AssertionError:
        return
    raise AssertionError("the sheet opened")


def examine(here: Counter) -> None:
    """体检."""
    with here.app.app_context():
        assert [str(finding) for finding in doctor.check()] == []


DEEDS: dict[str, Callable[[Counter], None]] = {
    deed.__name__: deed
    for deed in (
        arrange, settle, claim, refund, replay, recharge, exchange, till_exchange, points_by_hand,
        put, pay, confirm, confirm_unheard, settle_paid, settle_cash, refund_paid, call_off, sold,
        use_voucher, tell_mall, tick, preparing_is_over, the_sheet_lapses, examine, much_to_tell,
        pay_says_500, pay_refuses, pay_is_forged, pay_hangs, notices_are_forged, confirm_in_vain,
        pay_in_vain,
    )
}  # fmt: skip


def _move_clock(here: Counter, to: str) -> None:
    done = here.app.test_cli_runner().invoke(args=["clock", "set", to, "--hold"])
    assert done.exit_code == 0, done.output


def _token(here: Counter) -> str:
    with here.app.app_context(), tenancy.across_merchants(_ONLY):
        return str(db.session.connection().scalar(select(table_of(OpenBill).c.token)))


def _fine(answer: Any, *statuses: int) -> None:  # noqa: ANN401
    assert answer.status_code in statuses, answer.get_data(as_text=True)
