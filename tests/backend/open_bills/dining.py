"""A dining room in a test: a shop that takes WeChat Pay, its till, and guests with phones."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from backend import clock, tenancy
from backend.database import db, transaction
from backend.members.models import Member
from backend.merchants.models import Merchant
from backend.open_bills.models import OpenBill, ScanPayment, TillEvent
from backend.reports import doctor
from backend.wechat.models import PayAccount
from jobs import open_bills
from scripts.wechat_platform.server import Platform
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import Shop, a_template, reread
from tests.journeys.customers import Customer, enters
from tests.journeys.shops import a_journeys_shop
from tests.miniprogram_api.pos.till import TillClient, a_dish, till_of


@dataclass(frozen=True)
class Dining:
    """``room.put("B1", a_dish())``, then a guest pays."""

    http: FlaskClient
    wechat: Platform
    shop: Shop
    till: TillClient

    def guest(self, nickname: str = "王勇") -> Customer:
        """A person of that name, logged in at the mini-program."""
        person = self.wechat.person(nickname=nickname)
        customer = enters(self.http, self.wechat, self.shop, person)
        with transaction(), tenancy.acting_for(self.shop.merchant_id):
            member = tenancy.find(Member, customer.member_id)
            assert member is not None
            member.nickname = nickname
        return customer

    def coupon(self, guest: Customer, yuan: int = 10, **more: Any) -> str:  # noqa: ANN401
        template = a_template(self.shop, rule={"value_fen": yuan * 100}, **more)
        return number_of(a_coupon(self.shop, guest.member_id, template))

    def points(self, guest: Customer, given: int = 0) -> int:
        """The guest's, after giving them so many."""
        from backend.members.view import member_view
        from backend.points import ledger

        with transaction(), tenancy.acting_for(self.shop.merchant_id):
            cause = f"given-{guest.member_id}-{given}"
            ledger.earn(guest.member_id, given, cause=cause, now=clock.now())
        reread()
        with tenancy.acting_for(self.shop.merchant_id):
            return member_view(guest.member_id).points

    def worth_points(self) -> None:
        """积分抵现: 100 points are ¥1, of the whole bill."""
        with transaction(), tenancy.acting_for(self.shop.merchant_id):
            merchant = db.session.get_one(Merchant, self.shop.merchant_id)
            merchant.points = {"per_yuan": 100, "max_bp": 10_000}

    def quote_with_points(self, guest: Customer, token: str, points: int) -> str:
        asked = {"points": points, "coupons": []}
        answer = guest.post(f"/api/v1/bills/{token}/quote", asked)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return str(answer.get_json()["quote_id"])

    def put(self, bill: str, *lines: dict[str, Any], **more: Any) -> TestResponse:  # noqa: ANN401
        body = {"table": "A12", "guests": 2, "cashier": "小李", "lines": list(lines or (a_dish(),))}
        return self.till.call("PUT", f"/bills/{bill}", {**body, **more})

    def token(self, bill: str, *lines: dict[str, Any], **more: Any) -> str:  # noqa: ANN401
        answer = self.put(bill, *lines, **more)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return str(answer.get_json()["token"])

    def pay(self, guest: Customer, token: str, quote: str | None = None) -> TestResponse:
        """Have the parameters made: at the best quote unless another is named."""
        if quote is None:
            quote = guest.get(f"/api/v1/bills/{token}").get_json()["best"]["quote_id"]
        return guest.post(f"/api/v1/bills/{token}/pay", {"quote_id": quote})

    def sheet(self, guest: Customer, token: str, quote: str | None = None) -> str:
        """The pay sheet is open: its prepay id."""
        answer = self.pay(guest, token, quote)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        package = answer.get_json()["wechat_pay"]["package"]
        return str(package).removeprefix("prepay_id=")

    def confirm(self, guest: Customer, prepay_id: str) -> int:
        """确认支付; what the product answered to the notice."""
        return self.wechat.pay(guest.person, prepay_id).status

    def settle(self, bill: str, *lines: dict[str, Any], **more: Any) -> TestResponse:  # noqa: ANN401
        body = {
            "table": "A12",
            "settled_at": clock.now().isoformat(),
            "lines": list(lines or (a_dish(),)),
            "tenders": [],
        }
        return self.till.post(f"/bills/{bill}/settle", {**body, **more})

    def settle_as_told(
        self,
        told: dict[str, Any],
        *lines: dict[str, Any],
        **more: Any,  # noqa: ANN401
    ) -> TestResponse:
        """直接结账 with nothing but the event."""
        named = {key: told[key] for key in ("quote_id", "member_id", "tenders")}
        return self.settle(told["bill"], *lines, **named, **more)

    def events(self, after: int | None = None) -> list[dict[str, Any]]:
        query = "" if after is None else f"?after={after}"
        answer = self.till.send("GET", f"/pos/v1/events{query}", b"")
        assert answer.status_code == 200, answer.get_data(as_text=True)
        told: list[dict[str, Any]] = answer.get_json()["events"]
        return told

    def states(self) -> tuple[list[str], list[str]]:
        """Of the bills and of the payments, oldest first."""
        reread()
        with tenancy.acting_for(self.shop.merchant_id):
            bills = db.session.scalars(select(OpenBill.state).order_by(OpenBill.id))
            payments = db.session.scalars(select(ScanPayment.state).order_by(ScanPayment.id))
            return list(bills), list(payments)

    def kinds(self) -> list[str]:
        """What the till is told of, in the order it happened."""
        reread()
        with tenancy.acting_for(self.shop.merchant_id):
            return list(db.session.scalars(select(TillEvent.kind).order_by(TillEvent.id)))

    def half_a_minute(self) -> None:
        """By the machine's clock: the business clock need not move for it."""
        with transaction(), tenancy.acting_for(self.shop.merchant_id):
            for payment in db.session.scalars(select(ScanPayment)):
                payment.preparing_until -= timedelta(seconds=30)

    def tick(self) -> None:
        """The scheduler's tick, which asked nothing of WeChat Pay lately."""
        self.forget_notes()
        open_bills.tick.__wrapped__()  # type: ignore[attr-defined]
        reread()

    def forget_notes(self) -> None:
        from backend import background

        for key in background.redis().scan_iter("payment:*"):
            background.redis().delete(key)


def a_dining_room(http: FlaskClient, wechat: Platform, code: str | None = None) -> Dining:
    """A shop with a 商户号."""
    shop = a_journeys_shop(wechat, code)
    given = wechat.pay_account(f"19{shop.merchant_id:08d}")
    with transaction(), tenancy.acting_for(shop.merchant_id):
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
    return Dining(http, wechat, shop, till_of(http, shop))


def is_sound() -> None:
    reread()
    found = [str(finding) for finding in doctor.check()]
    left = [each for each in found if not each.startswith("reference.coupon.grant_id")]
    assert left == [], left
