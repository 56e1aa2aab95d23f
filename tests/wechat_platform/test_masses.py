"""群发 and what surrounds it."""

import requests

from scripts.wechat_platform.server import Platform
from tests.wechat_platform.conftest import Caller, Product

SEND = "/cgi-bin/message/mass/send"


def _text(openids: list[str], **more: object) -> dict[str, object]:
    return {"touser": openids, "msgtype": "text", "text": {"content": "周末八折"}} | more


def test_each_person_takes_four_mass_messages_a_month(
    platform: Platform, call: Caller, product: Product
) -> None:
    anna, ben = platform.person("安娜"), platform.person("本")
    for person in (anna, ben):
        platform.follow(person, "wxoa")
    openids = [platform.openid(person, "wxoa") for person in (anna, ben)]
    call.post("/cgi-bin/message/mass/preview", "wxoa", **_text([]) | {"touser": openids[0]})
    for _ in range(4):
        assert call.post(SEND, "wxoa", **_text(openids))["errcode"] == 0
    platform.unfollow(ben, "wxoa")
    call.post(SEND, "wxoa", **_text(openids))
    assert (len(platform.delivered(anna)), len(platform.delivered(ben))) == (5, 4)
    assert platform.push_waiting() == 5
    assert b"<SentCount>0</SentCount><ErrorCount>2</ErrorCount>" in product.arrived[-1].body


def test_the_same_clientmsgid_is_sent_once_a_day(platform: Platform, call: Caller) -> None:
    people = [platform.person("安娜"), platform.person("本")]
    for person in people:
        platform.follow(person, "wxoa")
    letter = _text([platform.openid(person, "wxoa") for person in people], clientmsgid="c-1")
    first, second = call.post(SEND, "wxoa", **letter), call.post(SEND, "wxoa", **letter)
    assert (first["errcode"], second["errcode"]) == (0, 45065)
    assert second["msg_id"] == first["msg_id"]
    assert len(platform.delivered()) == 2


def test_an_article_reaches_the_followers(platform: Platform, call: Caller) -> None:
    anna = platform.person("安娜")
    platform.follow(anna, "wxoa")
    article = {"title": "上新", "digest": "锅底", "content_source_url": "http://127.0.0.1/h5/1"}
    media_id = call.post("/cgi-bin/draft/add", "wxoa", articles=[article])["media_id"]
    path, everybody = "/cgi-bin/message/mass/sendall", {"is_to_all": True}
    news = {"filter": everybody, "msgtype": "mpnews", "mpnews": {"media_id": "made-up"}}
    assert call.post(path, "wxoa", **news)["errcode"] == 40007
    assert call.post(path, "wxoa", **news | {"mpnews": {"media_id": media_id}})["errcode"] == 0
    page = requests.get(f"{platform.url}/phone/{anna.id}/oa/wxoa", timeout=10).text
    assert '<a href="http://127.0.0.1/h5/1"' in page


def test_one_openid_is_too_few_and_unknown_calls_are_named(
    platform: Platform, call: Caller
) -> None:
    openid = platform.openid(platform.person("安娜"), "wxoa")
    assert call.post(SEND, "wxoa", **_text([openid]))["errcode"] == 40130
    assert call.post("/cgi-bin/no/such", "wxoa")["errcode"] == 40066
    assert call.post("/card/create", "wxoa")["errcode"] == 48001
