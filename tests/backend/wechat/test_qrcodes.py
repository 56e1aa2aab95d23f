"""Codes that hang on walls."""

import pytest

from backend.database import db, transaction
from backend.wechat import accounts, qrcodes
from backend.wechat.errors import AppNotFound, SceneTooLong
from backend.wechat.models import AppKind, WechatApp
from scripts.wechat_platform.server import Platform
from tests.builders import Shop, a_shop


@pytest.mark.parametrize("sent", ["s:xinghuo:s01", "qrscene_s:xinghuo:s01"])
def test_a_store_scene_is_read_as_wechat_sends_it(sent: str) -> None:
    assert qrcodes.store_scene("xinghuo", "s01") == "s:xinghuo:s01"
    assert qrcodes.read_scene(sent) == qrcodes.StoreScene("xinghuo", "s01")


@pytest.mark.parametrize("sent", ["", "s:", "s:a", "s:a:b:c", "last_trade_no_1", "s::b", "x:a:b"])
def test_any_other_scene_names_no_store(sent: str) -> None:
    assert qrcodes.read_scene(sent) is None


def test_a_store_gets_a_permanent_code(wechat: Platform, shop: Shop, oa: WechatApp) -> None:
    code = qrcodes.store_code(oa, qrcodes.store_scene(shop.code, shop.store_code))
    assert code.url.startswith("http") and code.ticket


def test_a_store_gets_a_mini_program_code(wechat: Platform, shop: Shop, mini: WechatApp) -> None:
    picture = qrcodes.miniprogram_code(mini, f"s:{shop.code}:s01", page="pages/index")
    assert picture.startswith(b"\xff\xd8\xff")


def test_a_scene_longer_than_wechat_takes_is_refused_before_asking(
    wechat: Platform, oa: WechatApp, mini: WechatApp
) -> None:
    with pytest.raises(SceneTooLong):
        qrcodes.store_code(oa, "s:" + "x" * 63)
    with pytest.raises(SceneTooLong):
        qrcodes.miniprogram_code(mini, "s:" + "x" * 31, page="")
    assert wechat.calls("/cgi-bin/stable_token") == 0


def test_a_merchant_without_an_own_account_works_through_the_operators(wechat: Platform) -> None:
    own, guest = a_shop(), a_shop(own_oa=False)
    assert accounts.official_account_of(guest.merchant_id) is None
    with transaction():
        db.session.add(
            WechatApp(app_id="wxshared", kind=AppKind.OFFICIAL_ACCOUNT, secret="s", token="t")
        )
    shared = accounts.official_account_of(guest.merchant_id)
    ours = accounts.official_account_of(own.merchant_id)
    mini = accounts.miniprogram_of(own.merchant_id)
    assert shared is not None and shared.app_id == "wxshared"
    assert ours is not None and ours.app_id == own.oa
    assert mini is not None and mini.app_id == own.mini
    with pytest.raises(AppNotFound):
        accounts.app_by_id("wxunknown")
