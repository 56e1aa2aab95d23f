"""Followers, parametric codes, mini-program codes, menus and templates."""

from io import BytesIO

import pytest
import requests
from PIL import Image

from scripts.wechat_platform.server import Platform
from tests.wechat_platform.conftest import Caller


def test_user_info_shows_no_nickname_but_the_scene_and_the_unionid(
    platform: Platform, call: Caller
) -> None:
    anna = platform.person("安娜")
    openid = platform.openid(anna, "wxoa")
    token = call.token("wxoa")
    stranger = call.get("/cgi-bin/user/info", access_token=token, openid=openid)
    assert stranger["subscribe"] == 0
    platform.follow(anna, "wxoa", scene="s:xinghuo:s01")
    follower = call.get("/cgi-bin/user/info", access_token=token, openid=openid)
    assert (follower["subscribe"], follower["nickname"]) == (1, "")
    assert (follower["qr_scene_str"], follower["subscribe_scene"]) == (
        "s:xinghuo:s01",
        "ADD_SCENE_QR_CODE",
    )
    batch = call.post("/cgi-bin/user/info/batchget", "wxoa", user_list=[{"openid": openid}])
    assert batch == {"user_info_list": [follower]}


def test_the_follower_list_names_those_who_follow_now(platform: Platform, call: Caller) -> None:
    anna, ben = platform.person("安娜"), platform.person("本")
    platform.follow(anna, "wxoa")
    platform.follow(ben, "wxoa")
    platform.unfollow(anna, "wxoa")
    answer = call.get("/cgi-bin/user/get", access_token=call.token("wxoa"))
    openid = platform.openid(ben, "wxoa")
    assert answer == {
        "total": 1,
        "count": 1,
        "data": {"openid": [openid]},
        "next_openid": openid,
    }


def test_a_parametric_code_has_a_ticket_and_a_picture(platform: Platform, call: Caller) -> None:
    answer = call.post(
        "/cgi-bin/qrcode/create",
        "wxoa",
        action_name="QR_LIMIT_STR_SCENE",
        action_info={"scene": {"scene_str": "s:xinghuo:s01"}},
    )
    assert set(answer) == {"ticket", "url"}
    picture = call.raw("GET", "/cgi-bin/showqrcode", {"ticket": str(answer["ticket"])})
    assert Image.open(BytesIO(picture.content)).format == "JPEG"
    assert call.raw("GET", "/cgi-bin/showqrcode", {"ticket": "no"}).status_code == 404


@pytest.mark.parametrize(
    ("name", "scene"),
    [
        ("QR_LIMIT_STR_SCENE", {"scene_str": "x" * 65}),
        ("QR_LIMIT_SCENE", {"scene_id": 100_001}),
        ("QR_SCENE", {"scene_id": 0}),
        ("QR_WHAT", {"scene_str": "x"}),
    ],
)
def test_a_bad_scene_is_40053(call: Caller, name: str, scene: dict[str, object]) -> None:
    answer = call.post(
        "/cgi-bin/qrcode/create", "wxoa", action_name=name, action_info={"scene": scene}
    )
    assert answer["errcode"] == 40053


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"scene": "s:xinghuo:s01", "page": "pages/a"}, None),
        ({"scene": "任何", "page": "pages/a"}, 40169),
        ({"scene": "", "page": "pages/a"}, 40169),
        ({"scene": "x" * 33}, 40169),
        ({"scene": "a", "page": "pages/b"}, 41030),
        ({"scene": "a", "page": "/pages/a"}, 41030),
        ({"scene": "a", "page": "pages/b", "check_path": False}, None),
    ],
)
def test_a_mini_program_code_is_a_picture_or_a_json_error(
    platform: Platform, call: Caller, body: dict[str, object], errcode: int | None
) -> None:
    answer = requests.post(
        f"{platform.url}/wxa/getwxacodeunlimit",
        params={"access_token": call.token("wxmini")},
        json=body,
        timeout=10,
    )
    if errcode is None:
        assert Image.open(BytesIO(answer.content)).format == "JPEG"
    else:
        assert answer.json()["errcode"] == errcode


def _click(name: str) -> dict[str, object]:
    return {"type": "click", "name": name, "key": "K"}


@pytest.mark.parametrize(
    ("buttons", "errcode"),
    [
        ([_click("领券")], 0),
        ([_click("领券")] * 4, 40016),
        ([_click("名字太长的按钮")], 40018),
        ([{"name": "更多", "sub_button": [_click("名字长一点的按钮")] * 5}], 0),
        ([{"name": "更多", "sub_button": [_click("a")] * 6}], 40023),
        ([{"type": "view", "name": "卡包"}], 40020),
        ([{"type": "dance", "name": "卡包"}], 40017),
    ],
)
def test_a_menu_is_checked_before_it_is_published(
    call: Caller, buttons: list[dict[str, object]], errcode: int
) -> None:
    assert call.post("/cgi-bin/menu/create", "wxoa", button=buttons)["errcode"] == errcode
    shown = call.get("/cgi-bin/menu/get", access_token=call.token("wxoa"))
    assert shown == {"menu": {"button": buttons}} if errcode == 0 else shown["errcode"] == 46003


def test_known_templates_are_listed_with_their_fields(platform: Platform, call: Caller) -> None:
    for app_id, kind in (("wxoa", "official_account"), ("wxmini", "miniprogram")):
        platform.account(app_id, kind, f"{app_id}-secret", templates={"T1": {"thing1": "券名称"}})
    private = call.get(
        "/cgi-bin/template/get_all_private_template", access_token=call.token("wxoa")
    )
    assert private["template_list"] == [
        {
            "template_id": "T1",
            "title": "通知",
            "primary_industry": "",
            "deputy_industry": "",
            "content": "券名称:{{thing1.DATA}}",
            "example": "",
        }
    ]
    own = call.get("/wxaapi/newtmpl/gettemplate", access_token=call.token("wxmini"))
    assert isinstance(own["data"], list)
    assert own["data"][0]["priTmplId"] == "T1"
