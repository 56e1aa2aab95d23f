"""操作日志 in words: what commands and the set-up file did reads as what people did."""

import re

import pytest
from flask import Flask

from admin.words import audit_subject
from backend import tenancy
from backend.database import transaction
from backend.merchants import audit
from tests.admin.desk import at_desk
from tests.builders import Shop, a_shop
from tests.conftest import StillClock


@pytest.mark.parametrize(
    ("kept", "read"),
    [
        ("staff boss", "员工 boss"),
        ("mall shop m01", "商城店铺 m01"),
        ("wechat_pay 1900009191", "微信支付商户号 1900009191"),
        ("wechat wxoa0001", "微信应用 wxoa0001"),
        ("message coupon_redeemed/template", "消息 券已核销 · 公众号模板消息"),
        ("operator", "运营者"),
        ("活动 周四会员日", "活动 周四会员日"),
    ],
)
def test_a_subject_is_said_in_words(kept: str, read: str) -> None:
    assert audit_subject(kept) == read


def test_the_set_up_file_is_named_as_the_one_who_did_it(app: Flask, clock: StillClock) -> None:
    shop: Shop = a_shop()
    with tenancy.acting_for(shop.merchant_id), transaction():
        audit.record(
            "setup.make",
            subject="level 金卡",
            actor="command",
            merchant_id=shop.merchant_id,
            after={"discount_bp": 9000, "tags": ["拉新", "增购"], "giftable": True},
            origin="setup apply",
            now=clock(),
        )
    visitor = at_desk(app, shop)
    text = visitor.read("/admin/audit/")
    for words in ("设置文件新建", "命令行", "会员等级 金卡"):
        assert words in text
    assert "setup" not in text.split("<tbody>")[1]
    entry = re.findall(r"/admin/audit/details/\?id=\d+", text.split("会员等级 金卡")[1])[0]
    details = visitor.read(entry).split("改动")[1]
    for words in ("折扣（万分之）", "9000", "拉新、增购", "是"):
        assert words in details
    assert "True" not in details and "[" not in details
