"""A shop whose official account and mini-program the local platform knows too."""

import pytest

from backend.wechat import accounts
from backend.wechat.models import WechatApp
from scripts.wechat_platform.server import Platform
from tests.builders import Shop, a_shop


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    shop = a_shop()
    for app_id, kind in ((shop.oa, "official_account"), (shop.mini, "miniprogram")):
        wechat.account(app_id, kind, f"secret-{app_id}", token=f"token-{app_id}")
    return shop


@pytest.fixture
def oa(shop: Shop) -> WechatApp:
    return accounts.app_by_id(shop.oa)


@pytest.fixture
def mini(shop: Shop) -> WechatApp:
    return accounts.app_by_id(shop.mini)
