"""What staff publish and choose at WeChat."""

import pytest

from backend.wechat import menus, templates
from backend.wechat.errors import WechatRefused, WechatUnavailable
from backend.wechat.models import WechatApp
from scripts.wechat_platform.server import Platform
from tests.builders import Shop

CREATE = "/cgi-bin/menu/create"


def test_a_menu_is_published_and_taken_away(wechat: Platform, oa: WechatApp) -> None:
    menus.publish(oa, [{"type": "click", "name": "领券", "key": "领券"}])
    menus.publish(oa, [])
    assert (wechat.calls(CREATE), wechat.calls("/cgi-bin/menu/delete")) == (1, 1)


def test_a_menu_wechat_does_not_take_is_refused_in_its_words(
    wechat: Platform, oa: WechatApp
) -> None:
    with pytest.raises(WechatRefused) as caught:
        menus.publish(oa, [{"name": "字" * 30, "type": "click", "key": "k"}])
    assert caught.value.detail["errcode"] == 40018


def test_when_wechat_is_away_staff_may_try_again(wechat: Platform, oa: WechatApp) -> None:
    wechat.fail(CREATE, status=502)
    with pytest.raises(WechatUnavailable):
        menus.publish(oa, [{"type": "click", "name": "领券", "key": "领券"}])


def test_the_templates_of_both_kinds_of_app_are_listed(
    wechat: Platform, shop: Shop, oa: WechatApp, mini: WechatApp
) -> None:
    fields = {"thing1": "券名称", "time2": "有效期至"}
    for app_id, kind in ((shop.oa, "official_account"), (shop.mini, "miniprogram")):
        wechat.account(app_id, kind, f"secret-{app_id}", templates={f"T-{kind}": fields})
    assert templates.listed(oa) == [templates.ListedTemplate("T-official_account", "通知", fields)]
    assert templates.listed(mini) == [templates.ListedTemplate("T-miniprogram", "通知", fields)]
