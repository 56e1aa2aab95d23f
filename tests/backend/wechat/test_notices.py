"""What came of a send, as the dispatcher must know it."""

import pytest

from backend.wechat import notices
from backend.wechat.models import WechatApp
from scripts.wechat_platform.server import Platform
from tests.builders import Shop

CUSTOM = "/cgi-bin/message/custom/send"


def template(app: WechatApp, openid: str, *, key: str = "m-1", page: str = "") -> notices.Sent:
    return notices.send_template(
        app, openid, template_id="TPL", values={"thing1": "券"}, page=page, client_msg_id=key
    )


def test_a_follower_gets_a_template_message_once_for_one_key(
    wechat: Platform, shop: Shop, oa: WechatApp
) -> None:
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    openid = wechat.openid(anna, shop.oa)
    first, again = template(oa, openid), template(oa, openid)
    assert first.outcome == again.outcome == "accepted"
    assert first.provider_id == again.provider_id != ""
    assert len(wechat.delivered(anna)) == 1


def test_a_page_is_an_address_or_a_page_of_the_mini_program(
    wechat: Platform, shop: Shop, oa: WechatApp
) -> None:
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    openid = wechat.openid(anna, shop.oa)
    template(oa, openid, page="https://example.com/x", key="1")
    notices.send_template(
        oa,
        openid,
        template_id="TPL",
        values={"thing1": "券"},
        page="pages/coupons",
        client_msg_id="2",
        miniprogram=shop.mini,
    )
    assert [m.link for m in wechat.delivered(anna)] == [
        "https://example.com/x",
        f"miniprogram:{shop.mini}:pages/coupons",
    ]


def test_an_accepted_subscription_is_one_message(
    wechat: Platform, shop: Shop, mini: WechatApp
) -> None:
    anna = wechat.person()
    openid = wechat.openid(anna, shop.mini)
    wechat.accept(anna, shop.mini, "TPL")
    sends = [
        notices.send_subscribe(mini, openid, template_id="TPL", values={"thing1": "券"}, page="")
        for _ in range(2)
    ]
    assert [(s.outcome, s.code) for s in sends] == [("accepted", "0"), ("unreachable", "43101")]


def test_a_text_goes_out_while_its_window_is_open(
    wechat: Platform, shop: Shop, oa: WechatApp
) -> None:
    anna = wechat.person()
    openid = wechat.openid(anna, shop.oa)
    assert notices.send_text(oa, openid, "你好").code == "45015"
    wechat.follow(anna, shop.oa)
    outcomes = [notices.send_text(oa, openid, "你好") for _ in range(4)]
    assert [s.code for s in outcomes] == ["0", "0", "0", "45047"]
    assert outcomes[-1].outcome == "unreachable"


@pytest.mark.parametrize(
    ("errcode", "outcome"),
    [
        (43004, "unreachable"),
        (43101, "unreachable"),
        (45015, "unreachable"),
        (45047, "unreachable"),
        (40003, "unreachable"),
        (40037, "refused"),
        (47003, "refused"),
        (48001, "refused"),
        (99999, "refused"),
        (-1, "retry"),
        (45011, "retry"),
        (45009, "retry"),
        (45065, "accepted"),
    ],
)
def test_an_errcode_says_what_to_do_next(
    wechat: Platform, oa: WechatApp, errcode: int, outcome: str
) -> None:
    wechat.fail(CUSTOM, errcode=errcode)
    sent = notices.send_text(oa, "o", "你好")
    assert (sent.outcome, sent.code) == (outcome, str(errcode))
    assert (sent.retry_at is not None) == (errcode == 45009)
    assert wechat.calls(CUSTOM) == 1


@pytest.mark.parametrize(
    "fault", [{"truncate": True}, {"carried_out": True, "html": True, "status": 502}]
)
def test_a_message_whose_answer_is_lost_is_delivered_once(
    wechat: Platform, shop: Shop, oa: WechatApp, fault: dict[str, object]
) -> None:
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    wechat.fail(CUSTOM, **fault)  # type: ignore[arg-type]
    assert notices.send_text(oa, wechat.openid(anna, shop.oa), "你好").outcome == "unknown"
    assert len(wechat.delivered(anna)) == 1
