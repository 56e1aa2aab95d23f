"""第一、二章 购买与准备 (S0-01…18): the operator opens a package, the merchant makes itself ready
at the desk, and the first wave issues what stands there."""

import json
import re
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.database import db, transaction
from backend.merchants.models import Role
from backend.version import VERSION
from backend.wechat.models import AppKind, WechatApp
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.server import Platform
from tests.admin.desk import Visitor, at_desk
from tests.builders import Shop, a_shop, a_template
from tests.conftest import StillClock
from tests.journeys.customers import enters
from tests.journeys.shops import (
    a_journeys_shop,
    edit,
    number_in,
    open_package,
)
from tests.journeys.working import work, work_and_tell
from tests.miniprogram_api.pos.till import a_bill, till_of

NOVEMBER = "{from: 2026-11-01, to: 2026-12-10}"


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    return a_journeys_shop(wechat, "xinghuo", subscribed=False)


def replies(wechat: Platform, person: Person, app_id: str) -> str:
    """All that this person reads in the account's chat."""
    return "".join(str(message.data) for message in wechat.chat(person, app_id))


def test_S0_01_S0_16_S3_01_a_package_says_what_may_run_and_until_when(
    app: Flask, wechat: Platform, shop: Shop, clock: StillClock, tmp_path: Path
) -> None:
    only = NOVEMBER.replace("}", ", kinds: [class_marketing]}")
    open_package(app, tmp_path, shop, only)
    a_template(shop, "t1")
    boss = at_desk(app, shop)
    overview = boss.read("/admin/")
    assert f"版本 {VERSION}" in overview and "营销包年（票券营销）还剩 18 天" in overview
    periodic = {
        "name": "每日送券", "mode": "dynamic", "match": "all", "every": "day", "at": "10:00",
        "window": "anytime", "given-template": "t1", "given-quantity": "1", "then": "start",
    }  # fmt: skip
    refused = edit(boss, "/admin/campaigns/new/?kind=periodic", **periodic)
    assert refused.status_code == 422
    assert "营销包年不含定期送券，请联系运营者开通" in refused.get_data(as_text=True)
    open_package(app, tmp_path, shop, NOVEMBER)
    assert edit(boss, "/admin/campaigns/new/?kind=periodic", **periodic).status_code == 302
    assert "营销包年（全部活动）还剩 18 天" in boss.read("/admin/")

    anna, late = wechat.person(), wechat.person()
    clock.move_to("2026-12-10 23:59")
    wechat.follow(anna, shop.oa)
    clock.move_to("2026-12-11 00:00")
    wechat.follow(late, shop.oa)
    assert "新客代金券10元" in replies(wechat, anna, shop.oa)
    assert "新客代金券10元" not in replies(wechat, late, shop.oa)
    assert "营销包年未开通或已到期" in boss.read("/admin/")


def test_S0_02_what_counts_is_the_visit_not_the_claim(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop, tmp_path: Path
) -> None:
    open_package(app, tmp_path, shop, NOVEMBER)
    boss, anna = at_desk(app, shop), wechat.person()
    wechat.follow(anna, shop.oa)
    work_and_tell()
    guest = enters(http, wechat, shop, anna)
    (number,) = guest.numbers()
    plan = number_in(r"/admin/campaigns/details/\?id=(\d+)", boss.read("/admin/campaigns/"))

    def figures() -> tuple[int, int]:
        page = boss.read(f"/admin/campaigns/details/?id={plan}")
        shown = r'{}（张）</div><div class="figure">([\d,]+)<'
        return number_in(shown.format("领取"), page), number_in(shown.format("核销"), page)

    assert figures() == (1, 0)
    bill = a_bill(coupon=number, cash_fen=9000, member_id=guest.member_id)
    assert till_of(http, shop).post("/bills/B1/settle", bill).status_code == 201
    assert figures() == (1, 1)
    assert "¥90.00" in boss.read(f"/admin/campaigns/details/?id={plan}"), "产生销售额"


def test_S0_03_an_own_account_or_the_operators(
    app: Flask, wechat: Platform, shop: Shop, tmp_path: Path
) -> None:
    guest = a_shop("guest", subscribed=False, own_oa=False)
    wechat.account("wxshared", "official_account", "s", token="t")
    with transaction():
        db.session.add(
            WechatApp(app_id="wxshared", kind=AppKind.OFFICIAL_ACCOUNT, secret="s", token="t")
        )
    for each in (shop, guest):
        open_package(app, tmp_path, each, NOVEMBER)
    own, shared, lost = (wechat.person() for _ in range(3))
    wechat.follow(own, shop.oa)
    wechat.follow(shared, "wxshared", "s:guest:s01")
    wechat.follow(lost, "wxshared")
    for person, account in ((own, shop.oa), (shared, "wxshared")):
        assert "新客代金券10元" in replies(wechat, person, account)
    assert "请扫描门店二维码" in replies(wechat, lost, "wxshared")


def test_S0_12_the_profile_is_filled_in_and_the_step_is_done(app: Flask, shop: Shop) -> None:
    boss = at_desk(app, shop)
    assert "填写商家信息" in boss.read("/admin/") and "0 / 3" not in boss.read("/admin/")
    assert "完成 1 / 3 步" in boss.read("/admin/"), "the account is bound"
    profile = {"name": "星火火锅", "phone": "0755-83021688", "address": "福强路1016号"}
    assert edit(boss, "/admin/profile/", **profile).status_code == 302
    for written in profile.values():
        assert f'value="{written}"' in boss.read("/admin/profile/")
    assert "完成 2 / 3 步" in boss.read("/admin/")


def test_S0_13_the_logo_is_uploaded_and_saved(app: Flask, shop: Shop) -> None:
    """A picture is known by its bytes; what is none is refused, and nothing else is saved."""
    boss = at_desk(app, shop)
    png = b"\x89PNG\r\n\x1a\n" + b"0" * 5000
    assert boss.open("/admin/profile/picture").status_code == 404
    for wrong in (b"<svg onload=alert(1)>", png + b"0" * 256 * 1024):
        sent = edit(boss, "/admin/profile/", name="坏图", logo=(BytesIO(wrong), "logo.png"))
        assert sent.status_code == 422 and "请上传 PNG 或 JPEG" in sent.get_data(as_text=True)
    chosen = {"name": "星火火锅", "logo": (BytesIO(png), "logo.png")}
    assert edit(boss, "/admin/profile/", **chosen).status_code == 302
    assert edit(boss, "/admin/profile/", name="星火火锅").status_code == 302, "it stays"
    assert 'src="/admin/profile/picture"' in boss.read("/admin/profile/")
    shown = boss.open("/admin/profile/picture")
    assert (shown.mimetype, shown.data) == ("image/png", png)
    assert "坏图" not in boss.read("/admin/profile/")


def test_S0_14_the_first_person_signs_in_with_an_own_password_and_may_do_everything(
    app: Flask, shop: Shop
) -> None:
    """R-20: there is no default password; the command shows one made at random, once."""
    make = ["staff", "create", "--merchant", shop.code, "--login", "boss", "--role", "owner"]
    told = json.loads(app.test_cli_runner().invoke(args=make).output)
    boss = Visitor(app)
    assert boss.sign_in("0000", "0000").status_code == 401
    assert boss.sign_in("boss", "0000").status_code == 401
    assert boss.sign_in(told["login"], told["password"]).status_code == 302
    for page in ("campaigns", "templates", "members", "staff", "audit", "profile"):
        boss.read(f"/admin/{page}/")


def test_S0_15_waiters_get_a_record_and_a_role_and_see_what_it_allows(
    app: Flask, shop: Shop
) -> None:
    boss = at_desk(app, shop)
    may = {}
    for role in (Role.STORE_MANAGER, Role.CASHIER):
        record = {"login": role.value, "name": "小李", "role": role.value, "where": "all"}
        assert edit(boss, "/admin/staff/new/", **record).status_code == 302
        shown = re.search(r"（只显示这一次）：([a-z0-9-]+)", boss.read("/admin/staff/"))
        assert shown is not None
        waiter = Visitor(app)
        assert waiter.sign_in(f"{role.value}@{shop.code}", shown[1]).status_code == 302
        may[role] = {
            page: waiter.open(f"/admin/{page}/").status_code
            for page in ("coupons", "verifiers", "campaigns")
        }
    assert may == {
        Role.STORE_MANAGER: {"coupons": 200, "verifiers": 200, "campaigns": 403},
        Role.CASHIER: {"coupons": 200, "verifiers": 403, "campaigns": 403},
    }


def test_S0_17_S0_18_S0_21_the_default_plan_is_warned_of_and_edited_before_nine(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock, tmp_path: Path
) -> None:
    """Three classes on one page; who does nothing issues the defaults at the next wave."""
    other = a_journeys_shop(wechat, subscribed=False)
    clock.move_to("2026-11-22 20:00")
    for each in (shop, other):
        wechat.follow(wechat.person(), each.oa)
    clock.move_to("2026-11-23 08:15")
    for each in (shop, other):
        open_package(app, tmp_path, each, NOVEMBER)
    a_template(shop, "better", title="新客大礼")
    boss = at_desk(app, shop)
    overview = boss.read("/admin/")
    assert "还是默认方案" in overview and "还有 45 分钟" in overview
    plan = number_in(r"/admin/campaigns/edit/\?id=(\d+)", overview)
    path = f"/admin/campaigns/edit/?id={plan}"
    page = boss.read(path)
    assert [label for label in ("新客", "普通客", "忠诚客") if f"<h2>{label}</h2>" in page] == [
        "新客", "普通客", "忠诚客",
    ]  # fmt: skip
    wanted = {"name": "票券营销", "new-on": "y", "new-template": "better", "new-quantity": "2"}
    assert edit(boss, path, **wanted).status_code == 302
    assert "还是默认方案" not in boss.read("/admin/")
    boss.read("/admin/campaigns/")
    boss.send("/admin/campaigns/pause/", id=plan)
    assert "暂停中" in boss.read("/admin/campaigns/")
    boss.send("/admin/campaigns/start/", id=plan)
    assert "启动中" in boss.read("/admin/campaigns/")
    clock.move_to("2026-11-23 09:00")
    work()
    given, by_default = (
        at_desk(app, each, Role.MARKETING).read("/admin/coupons/") for each in (shop, other)
    )
    assert given.count("/admin/coupons/details/?id=") == 2 and "新客大礼" in given
    assert by_default.count("/admin/coupons/details/?id=") == 1 and "新客代金券10元" in by_default
