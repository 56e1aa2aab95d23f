"""A verifier's or customer's phone in a test: an ordinary login's token and plain HTTP."""

from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend import clock, tenancy
from backend.database import db, transaction
from backend.members.models import Identity, WechatUser
from miniprogram_api.customer import tokens
from tests.builders import Shop


@dataclass
class Phone:
    http: FlaskClient
    token: str

    def post(self, path: str, body: dict[str, Any], **headers: str) -> TestResponse:
        bearer = {"Authorization": f"Bearer {self.token}"}
        return self.http.post(f"/api/v1/verifier{path}", json=body, headers=bearer | headers)

    def get(self, path: str) -> TestResponse:
        bearer = {"Authorization": f"Bearer {self.token}"}
        return self.http.get(f"/api/v1/verifier{path}", headers=bearer)


def phone_of(http: FlaskClient, shop: Shop, member_id: int) -> Phone:
    now = clock.now()
    with transaction(), tenancy.acting_for(shop.merchant_id):
        user = WechatUser(app_id=shop.mini, openid=f"m{member_id}", created_at=now)
        db.session.add(user)
        db.session.flush()
        db.session.add(Identity(member_id=member_id, wechat_user_id=user.id))
        user_id = user.id
    return Phone(http, tokens.issue(shop.merchant_id, member_id, user_id, now=now).text)
