"""``python -m tests.faults.deeds NAME``: one deed of the product in a process that may be killed.

The product answers in this process, the local WeChat platform too, on the memory of the folder.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.merchants.models import Merchant
from backend.messaging import dispatch
from scripts.wechat_platform.people import Person, add_person, person_with_id, set_follow
from scripts.wechat_platform.server import Platform, start_platform
from tests.backend.redemption.coupons import number_of
from tests.faults.deployment import CLAIMER, MINI, OA, SETUP
from tests.miniprogram_api.pos.till import TillClient, a_bill
from wsgi import create_app

FIRST_COUPON = 1


@dataclass(frozen=True)
class World:
    """The product and the phone."""

    app: Flask
    platform: Platform

    @property
    def till(self) -> TillClient:
        return TillClient(self.app.test_client(), "k01", "p01")


def follow(world: World) -> None:
    """关注 by somebody new; done again it is pushed again, as WeChat does without an answer."""
    person, store = _person(world, "newcomer"), world.platform.world.store
    set_follow(store, world.platform.openid(person, OA), OA, following=False, now=0)
    pushed = world.platform.follow(person, OA)
    assert pushed is not None
    assert pushed.status == 200, pushed


def claim(world: World) -> None:
    """登录 of somebody for whom coupons wait."""
    code = world.platform.login_code(_person(world, CLAIMER), MINI)
    answer = world.app.test_client().post("/api/v1/login", json={"app_id": MINI, "code": code})
    assert answer.status_code == 200, answer.text


def redeem(world: World) -> None:
    """核销 of the first coupon; used already it is refused."""
    answer = world.till.post("/coupons/redeem", {"scan": _number(world)})
    assert answer.status_code in (201, 409), answer.text


def settle(world: World) -> None:
    """结账 with the first coupon; the same bill again is answered alike."""
    at = "2026-11-23T09:00:00+08:00"
    bill = a_bill(coupon=_number(world), cash_fen=9000, settled_at=at)
    answer = world.till.post("/bills/B1/settle", bill)
    assert answer.status_code in (200, 201), answer.text


def drain(world: World) -> None:
    """发送 of all that is due."""
    with world.app.app_context():
        dispatch.drain()


DEEDS: dict[str, Callable[[World], None]] = {
    deed.__name__: deed for deed in (follow, claim, redeem, settle, drain)
}


def main(name: str) -> None:
    """Do it."""
    memory = Path(os.environ["DATA_DIR"]) / "wechat"
    platform = start_platform(data=memory, setup=SETUP)
    os.environ["WECHAT_API_BASE_URL"] = platform.url
    app = create_app()

    def deliver(
        url: str, query: dict[str, str], body: bytes, content_type: str
    ) -> tuple[int, bytes]:
        path = "/" + url.split("/", 3)[3] if "://" in url else url
        answer = app.test_client().post(
            path, query_string=query, data=body, content_type=content_type
        )
        return answer.status_code, answer.get_data()

    platform.deliver = deliver
    DEEDS[name](World(app, platform))
    platform.stop()


def _person(world: World, person_id: str) -> Person:
    store = world.platform.world.store
    return person_with_id(store, person_id) or add_person(store, person_id, id=person_id, now=0)


def _number(world: World) -> str:
    with world.app.app_context():
        with tenancy.across_merchants("a deed looks for its merchant"):
            merchant_id = db.session.scalars(select(Merchant.id)).one()
        with tenancy.acting_for(merchant_id):
            return number_of(FIRST_COUPON)


if __name__ == "__main__":
    main(sys.argv[1])
