"""Customers of a journey: a person of the local WeChat with a token of the product."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask.testing import FlaskClient
from pydantic import JsonValue
from sqlalchemy import select
from werkzeug.test import TestResponse

from backend import clock, tenancy
from backend.campaigns.models import Campaign, Grant, Offer, OfferPiece
from backend.coupons.models import CouponTemplate
from backend.database import db, transaction
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.server import Platform
from tests.builders import Shop


@dataclass(frozen=True)
class Customer:
    """Somebody logged in."""

    http: FlaskClient
    person: Person
    answer: dict[str, Any]

    @property
    def member_id(self) -> int:
        return int(self.answer["member"]["id"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.answer['token']}"}

    def get(self, path: str) -> TestResponse:
        return self.http.get(path, headers=self.headers)

    def post(self, path: str, body: JsonValue, **headers: str) -> TestResponse:
        return self.http.post(path, json=body, headers=self.headers | headers)

    def coupons(self, state: str = "usable") -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.get(f"/api/v1/me/coupons?state={state}").get_json()[
            "items"
        ]
        return items

    def numbers(self, state: str = "usable") -> list[str]:
        return [str(coupon["number"]) for coupon in self.coupons(state)]


def enters(http: FlaskClient, wechat: Platform, shop: Shop, person: Person) -> Customer:
    """Log a person in at the shop's mini-program."""
    body = {"app_id": shop.mini, "code": wechat.login_code(person, shop.mini)}
    answer = http.post("/api/v1/login", json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return Customer(http, person, answer.get_json())


def a_grant(
    shop: Shop,
    member_id: int,
    template: str,
    *,
    quantity: int = 1,
    until: datetime | None = None,
) -> int:
    """An open grant of one template, of a campaign of its own."""
    with transaction(), tenancy.acting_for(shop.merchant_id):
        row = db.session.scalars(
            select(CouponTemplate).where(CouponTemplate.code == template)
        ).one()
        now = clock.now()
        campaign = Campaign(
            code=f"c-{template}-{member_id}", kind="periodic", name="老客回馈", created_at=now
        )
        db.session.add(campaign)
        db.session.flush()
        offer = Offer(campaign_id=campaign.id, content_hash="x", quantity=quantity)
        db.session.add(offer)
        db.session.flush()
        for piece in range(1, quantity + 1):
            db.session.add(
                OfferPiece(
                    offer_id=offer.id,
                    piece=piece,
                    template_id=row.id,
                    revision_id=row.revision_id,
                )
            )
        grant = Grant(
            campaign_id=campaign.id,
            cycle="2026-11-23@08:00",
            member_id=member_id,
            offer_id=offer.id,
            quantity=quantity,
            granted_at=now,
            claim_until=until,
        )
        db.session.add(grant)
        db.session.flush()
        return grant.id
