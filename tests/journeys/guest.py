"""A member of a shop that gives 1 point per yuan, and the till that serves them."""

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from backend import tenancy
from backend.campaigns import lifecycle, programmes
from backend.campaigns.draft import CampaignDraft
from backend.database import db
from backend.members import cards
from backend.members.models import Member, MemberLevel
from backend.merchants.models import Merchant, Store
from backend.points import ledger as points
from backend.reports import doctor
from backend.wallet import ledger as wallet
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import Shop, a_member, a_template, reread
from tests.conftest import StillClock
from tests.miniprogram_api.pos.till import a_bill, till_of

TOGETHER = {"level": True, "points": True, "coupons": True, "discounted_dishes": True}


class Guest:
    """A member of a shop that gives 1 point per yuan, with whatever the test gives them."""

    def __init__(self, http: FlaskClient, clock: StillClock, shop: Shop) -> None:
        self.shop, self.clock, self.till = shop, clock, till_of(http, shop)
        self.id = a_member(shop, phone="18100004469")
        with tenancy.acting_for(shop.merchant_id):
            settings = programmes.parse("consumption_points", {"per_fen": 100, "points": 1})
            draft = CampaignDraft(code="cp", kind="consumption_points", settings=settings)
            lifecycle.start(lifecycle.save(draft, now=clock.at).id, now=clock.at)

    def has(
        self, *, balance_fen: int = 0, bonus_fen: int = 0, points_: int = 0, card: str = ""
    ) -> None:
        with tenancy.acting_for(self.shop.merchant_id):
            if bonus_fen:
                merchant = db.session.get_one(Merchant, self.shop.merchant_id)
                tier = {"principal_fen": balance_fen, "bonus_fen": bonus_fen}
                merchant.recharge = {"tiers": [tier]}
                db.session.commit()
            if balance_fen:
                wallet.recharge(
                    self.id, recharge_no="R1", principal_fen=balance_fen, now=self.clock.at
                )
            points.earn(self.id, points_, cause="before", now=self.clock.at)
            if card:
                cards.bind(card, member_id=self.id, actor="test", now=self.clock.at)

    def coupon(self, value_fen: int, **more: Any) -> str:  # noqa: ANN401
        template = a_template(self.shop, rule={"value_fen": value_fen}, **more)
        return number_of(a_coupon(self.shop, self.id, template))

    def quote(self, *lines: dict[str, Any], **more: Any) -> Any:  # noqa: ANN401
        asked = {"member_id": self.id, "lines": list(lines), "service_fen": 0, **more}
        return self.till.post("/quotes", asked).get_json()

    def settle(
        self,
        bill: str,
        *lines: dict[str, Any],
        tenders: list[dict[str, Any]],
        **more: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        content = a_bill(*lines, member_id=self.id, **more) | {"tenders": tenders}
        return self.till.post(f"/bills/{bill}/settle", content)

    def refund(self, bill: str, number: str, *lines: tuple[int, int], **more: Any) -> Any:  # noqa: ANN401
        body: dict[str, Any] = {"refund": number, "reason": "退菜", **more}
        if lines:
            body["lines"] = [{"line": line, "quantity": quantity} for line, quantity in lines]
        return self.till.post(f"/bills/{bill}/refund", body)

    def figures(self) -> tuple[int, int, int, int, str]:
        """points, balance, bills, consumed, class."""
        reread()
        with tenancy.acting_for(self.shop.merchant_id):
            row = db.session.get_one(Member, self.id)
            return (
                row.points,
                row.principal_fen + row.bonus_fen,
                row.consumption_count,
                row.consumption_fen,
                row.customer_class,
            )

    def house(self, **settings: Any) -> None:  # noqa: ANN401
        with tenancy.acting_for(self.shop.merchant_id):
            merchant = db.session.get_one(Merchant, self.shop.merchant_id)
            for name, value in settings.items():
                setattr(merchant, name, value)
            db.session.commit()

    def is_called(self, merchant: str, *, store: str) -> None:
        with tenancy.acting_for(self.shop.merchant_id):
            db.session.get_one(Merchant, self.shop.merchant_id).name = merchant
            place = db.session.scalars(select(Store)).one()
            place.name = store
            db.session.commit()

    def level(self, **rights: Any) -> None:  # noqa: ANN401
        """银卡, reached with the first bill of ¥100 or held from the start."""
        held = rights.pop("held", False)
        with tenancy.acting_for(self.shop.merchant_id):
            level = MemberLevel(position=1, name="银卡", **rights)
            db.session.add(level)
            db.session.flush()
            if held:
                db.session.get_one(Member, self.id).level_id = level.id
            db.session.commit()


def cash(fen: int) -> dict[str, Any]:
    return {"method": "cash", "amount_fen": fen}


def paid(method: str, fen: int) -> dict[str, Any]:
    return {"method": method, "amount_fen": fen}


def said(answer: Any) -> tuple[int, str, str]:  # noqa: ANN401
    return answer.status_code, answer.json["code"], answer.json["message"]


def is_sound() -> None:
    """The doctor finds nothing, but that the coupons were given without a grant."""
    reread()
    found = [str(finding) for finding in doctor.check()]
    left = [each for each in found if not each.startswith("reference.coupon.grant_id")]
    assert left == [], left
