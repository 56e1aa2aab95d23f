"""A shop whose apps the local platform knows, and a customer of both."""

import pytest

from scripts.wechat_platform.server import Platform
from tests.backend.messaging.post import Customer, a_customer, a_wechat_shop
from tests.builders import Shop


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    return a_wechat_shop(wechat)


@pytest.fixture
def anna(wechat: Platform, shop: Shop) -> Customer:
    return a_customer(wechat, shop)
