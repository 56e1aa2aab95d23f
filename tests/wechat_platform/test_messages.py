"""What may be sent to whom, and what the phone then holds."""

import time

import pytest

from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.fields import subscribe_values
from scripts.wechat_platform.server import Platform
from tests.wechat_platform.conftest import (
    CUSTOM_SEND,
    SUBSCRIBE_SEND,
    TEMPLATE_SEND,
    Caller,
    Product,
)

CARD = {"thing1": {"value": "每满300减100"}}


@pytest.mark.parametrize(
    ("key", "value", "taken"),
    [
        ("thing1", "二" * 20, True),
        ("thing1", "二" * 21, False),
        ("number1", "12.5", True),
        ("number1", "12张", False),
        ("letter1", "abc", True),
        ("letter1", "abc1", False),
        ("symbol1", "!!!!!", True),
        ("symbol1", "!!!!!!", False),
        ("character_string1", "No.4829-1307", True),
        ("character_string1", "券号", False),
        ("character_string1", "1" * 33, False),
        ("time1", "2019年10月1日 15:01", True),
        ("time1", "15:01", True),
        ("time1", "2023-09-12 19:43:07", True),
        ("time1", "明天", False),
        ("date1", "2026-12-22", True),
        ("date1", "2026年12月22日 15:01", True),
        ("date1", "15:01", False),
        ("amount1", "¥100.50元", True),
        ("amount1", "12345678901", False),
        ("phone_number1", "+86-0766-66888866", True),
        ("phone_number1", "138****0001", True),
        ("car_number1", "粤A8Z888挂", True),
        ("name1", "一二三四五六七八九十", True),
        ("name1", "一二三四五六七八九十一", False),
        ("name1", "a" * 20, True),
        ("phrase1", "已到账", True),
        ("phrase1", "已到账1", False),
        ("phrase1", "一二三四五六", False),
        ("const1", "随便", True),
        ("keyword1", "随便", False),
        ("thing1", " ", False),
    ],
)
def test_each_kind_of_keyword_has_its_limits(key: str, value: str, taken: bool) -> None:
    try:
        subscribe_values({key: {"value": value}}, {})
        refused = None
    except WeChatError as problem:
        refused = problem
    assert (refused is None) is taken
    if refused:
        assert refused.errcode == 47003
        assert f"data.{key}.value" in refused.errmsg


def test_a_follower_gets_a_template_message_once_per_client_msg_id(
    platform: Platform, call: Caller, product: Product
) -> None:
    anna = platform.person("安娜")
    platform.follow(anna, "wxoa")
    letter = {
        "touser": platform.openid(anna, "wxoa"),
        "template_id": "TPL2",
        "url": "http://127.0.0.1/h5",
        "data": CARD,
        "client_msg_id": "intent-1",
    }
    first, second = (
        call.post(TEMPLATE_SEND, "wxoa", **letter),
        call.post(TEMPLATE_SEND, "wxoa", **letter),
    )
    assert first["errcode"] == 0
    assert second == first
    (sent,) = platform.delivered(anna)
    assert (sent.channel, sent.template_id, sent.client_msg_id, dict(sent.data)) == (
        "template",
        "TPL2",
        "intent-1",
        {"thing1": "每满300减100"},
    )
    product.arrived.clear()
    assert platform.push_waiting() == 1
    (finished,) = product.arrived
    assert b"TEMPLATESENDJOBFINISH" in finished.body
    assert str(first["msgid"]).encode() in finished.body


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"touser": "o-of-nobody"}, 40003),
        ({"touser": "OPENID OF THE MINI-PROGRAM"}, 40003),
        ({"template_id": "TPLX"}, 40037),
        ({"data": {"thing1": {"value": "一" * 21}, "time2": {"value": "15:01"}}}, 47003),
        ({"data": CARD}, 47003),
        ({"miniprogram": {"appid": "wxnobody"}}, 40166),
    ],
)
def test_a_wrong_template_message_is_refused_and_not_delivered(
    platform: Platform, call: Caller, changed: dict[str, object], errcode: int
) -> None:
    platform.account(
        "wxoa",
        "official_account",
        "wxoa-secret",
        templates={"TPL2": {"thing1": "券名称", "time2": "有效期至"}},
    )
    anna = platform.person("安娜")
    platform.follow(anna, "wxoa")
    in_mini = platform.openid(anna, "wxmini")
    letter: dict[str, object] = {
        "touser": platform.openid(anna, "wxoa"),
        "template_id": "TPL2",
        "data": CARD | {"time2": {"value": "2026-12-22"}},
    } | changed
    if letter["touser"] == "OPENID OF THE MINI-PROGRAM":
        letter["touser"] = in_mini
    assert call.post(TEMPLATE_SEND, "wxoa", **letter)["errcode"] == errcode
    assert platform.delivered() == []


def test_one_who_unfollowed_gets_no_template_message(platform: Platform, call: Caller) -> None:
    anna = platform.person("安娜")
    platform.follow(anna, "wxoa")
    platform.unfollow(anna, "wxoa")
    openid = platform.openid(anna, "wxoa")
    answer = call.post(TEMPLATE_SEND, "wxoa", touser=openid, template_id="T", data=CARD)
    assert answer["errcode"] == 43004


def test_one_accepted_subscription_is_one_message(
    platform: Platform, call: Caller, product: Product
) -> None:
    anna = platform.person("安娜")
    letter = {
        "touser": platform.openid(anna, "wxmini"),
        "template_id": "TPL1",
        "page": "pages/a?x=1",
        "data": CARD,
    }
    assert call.post(SUBSCRIBE_SEND, "wxmini", **letter)["errcode"] == 43101
    platform.accept(anna, "wxmini", "TPL1", times=2)
    answers = [call.post(SUBSCRIBE_SEND, "wxmini", **letter)["errcode"] for _ in range(3)]
    assert answers == [0, 0, 43101]
    assert len(platform.delivered(anna)) == 2
    assert platform.push_waiting() == 2
    assert b"subscribe_msg_sent_event" in product.arrived[-1].body


def test_a_ban_takes_the_credits_and_a_reject_leaves_them(platform: Platform, call: Caller) -> None:
    anna = platform.person("安娜")
    letter = {"touser": platform.openid(anna, "wxmini"), "template_id": "TPL1", "data": CARD}
    platform.accept(anna, "wxmini", "TPL1", times=2)
    platform.answer(anna, "wxmini", {"TPL1": "reject"})
    assert call.post(SUBSCRIBE_SEND, "wxmini", **letter)["errcode"] == 0
    platform.answer(anna, "wxmini", {"TPL1": "ban"})
    assert call.post(SUBSCRIBE_SEND, "wxmini", **letter)["errcode"] == 43101


def test_a_page_that_is_not_released_is_41030(platform: Platform, call: Caller) -> None:
    anna = platform.person("安娜")
    platform.accept(anna, "wxmini", "TPL1")
    openid = platform.openid(anna, "wxmini")
    answer = call.post(
        SUBSCRIBE_SEND, "wxmini", touser=openid, template_id="TPL1", page="pages/b", data=CARD
    )
    assert answer["errcode"] == 41030


def test_customer_messages_follow_the_windows(platform: Platform, call: Caller) -> None:
    anna = platform.person("安娜")

    def write() -> object:
        openid = platform.openid(anna, "wxoa")
        return call.post(
            CUSTOM_SEND, "wxoa", touser=openid, msgtype="text", text={"content": "您好"}
        )["errcode"]

    platform.openid(anna, "wxoa")
    assert write() == 45015
    platform.follow(anna, "wxoa")
    assert [write() for _ in range(4)] == [0, 0, 0, 45047]
    platform.say(anna, "wxoa", "在吗")
    assert [write() for _ in range(6)] == [0, 0, 0, 0, 0, 45047]
    platform.click(anna, "wxoa", "KEY")
    assert write() == 0
    platform.world.clock = lambda: time.time() + 61
    assert write() == 45047
    platform.world.clock = lambda: time.time() + 48 * 3600 + 1
    assert write() == 45015
    assert len(platform.delivered(anna)) == 9


def test_an_empty_or_too_long_customer_text_is_refused(platform: Platform, call: Caller) -> None:
    anna = platform.person("安娜")
    platform.follow(anna, "wxoa")
    openid = platform.openid(anna, "wxoa")
    for text, errcode in [("", 44004), ("字" * 700, 45002)]:
        answer = call.post(
            CUSTOM_SEND, "wxoa", touser=openid, msgtype="text", text={"content": text}
        )
        assert answer["errcode"] == errcode
    assert call.post(CUSTOM_SEND, "wxoa", touser=openid, msgtype="fax")["errcode"] == 40008
