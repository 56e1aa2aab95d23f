"""What WeChat says later about a message finds its try."""

import pytest
from sqlalchemy import select

from backend import tenancy
from backend.database import db, transaction
from backend.messaging import outbox
from backend.messaging.models import Attempt, Channel, Intent, Outcome, Purpose
from backend.wechat import accounts, notices
from scripts.wechat_platform.server import Platform
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    shop = a_shop()
    for app_id, kind in ((shop.oa, "official_account"), (shop.mini, "miniprogram")):
        wechat.account(app_id, kind, f"secret-{app_id}", token=f"token-{app_id}")
    return shop


def a_try(shop: Shop, app_id: str, provider_id: str, clock: StillClock) -> int:
    """A message that WeChat took, and the try that stands for it."""
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        outbox.queue(member, Purpose.COUPON_REDEEMED, {}, dedupe_key=provider_id, now=clock.at)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        intent_id = db.session.scalars(
            select(Intent.id).where(Intent.dedupe_key == provider_id)
        ).one()
        tried = Attempt(
            intent_id=intent_id,
            channel=Channel.TEMPLATE,
            app_id=app_id,
            at=clock.at,
            outcome=Outcome.ACCEPTED,
            provider_id=provider_id,
        )
        db.session.add(tried)
        db.session.flush()
        return tried.id


def receipt_of(shop: Shop, attempt_id: int) -> str:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalars(select(Attempt.receipt).where(Attempt.id == attempt_id)).one()


def test_the_receipt_of_a_template_message_finds_its_try(
    wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    sent = notices.send_template(
        accounts.app_by_id(shop.oa),
        wechat.openid(anna, shop.oa),
        template_id="TPL",
        values={"thing1": "券"},
        page="",
        client_msg_id="1",
    )
    tried = a_try(shop, shop.oa, sent.provider_id, clock)
    assert wechat.push_waiting() == 1
    assert receipt_of(shop, tried) == "success"


def test_the_receipt_of_a_subscribe_message_finds_its_try(
    wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    anna = wechat.person()
    wechat.accept(anna, shop.mini, "TPL")
    sent = notices.send_subscribe(
        accounts.app_by_id(shop.mini),
        wechat.openid(anna, shop.mini),
        template_id="TPL",
        values={"thing1": "券"},
        page="",
    )
    tried = a_try(shop, shop.mini, sent.provider_id, clock)
    assert wechat.push_waiting() == 1
    assert receipt_of(shop, tried) == "success"
