"""WeChat API: followers, parametric codes, mini-program codes, tickets, quotas."""

import re
import secrets
from urllib.parse import quote

from flask import Blueprint, Response, request

from scripts.wechat_platform.accounts import Account
from scripts.wechat_platform.calls import JsonObject, caller, fine, json_body
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.messages import check_page
from scripts.wechat_platform.people import follow_of, followers_of, person_behind, unionid_of
from scripts.wechat_platform.scenes import new_scene, qr_picture, scene_with_ticket
from scripts.wechat_platform.world import this_world

blueprint = Blueprint("api_people", __name__)

_PAGE = 10_000
_LIMITED = {"QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE"}
_SCENE_CHARACTERS = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~`]{1,32}")


@blueprint.get("/cgi-bin/user/info")
def user_info() -> JsonObject:
    return _user(caller(), request.args.get("openid", ""))


@blueprint.post("/cgi-bin/user/info/batchget")
def user_infos() -> JsonObject:
    account, wanted = caller(), json_body().get("user_list")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= 100:
        raise WeChatError(40032)
    return {"user_info_list": [_user(account, str(one.get("openid", ""))) for one in wanted]}


@blueprint.get("/cgi-bin/user/get")
def user_get() -> JsonObject:
    openids = followers_of(this_world().store, caller().app_id)
    after = request.args.get("next_openid")
    start = openids.index(after) + 1 if after in openids else 0
    page = openids[start : start + _PAGE]
    answer: JsonObject = {
        "total": len(openids),
        "count": len(page),
        "next_openid": page[-1] if page else "",
    }
    if page:
        answer["data"] = {"openid": page}
    return answer


@blueprint.post("/cgi-bin/qrcode/create")
def qrcode_create() -> JsonObject:
    world, account, body = this_world(), caller(), json_body()
    scene = _scene_of(body)
    limited = body.get("action_name") in _LIMITED
    seconds = min(int(str(body.get("expire_seconds") or 60)), 2_592_000)
    until = None if limited else world.clock() + seconds
    made = new_scene(world.store, account, scene, until=until)
    answer: JsonObject = {
        "ticket": made.ticket,
        "url": f"http://weixin.qq.com/q/{made.ticket[2:24]}",
    }
    return answer if limited else answer | {"expire_seconds": seconds}


@blueprint.get("/cgi-bin/showqrcode")
def showqrcode() -> Response:
    """The picture: it holds the way to this platform, so a real camera opens the phone page."""
    scene = scene_with_ticket(this_world().store, request.args.get("ticket", ""))
    if scene is None:
        return Response(status=404)
    link = f"{request.host_url}scan?ticket={quote(scene.ticket)}"
    return Response(qr_picture(link, image="JPEG"), content_type="image/jpg")


@blueprint.post("/wxa/getwxacodeunlimit")
def wxacode() -> Response:
    world, account, body = this_world(), caller(), json_body(broken=40169)
    scene, page = str(body.get("scene") or ""), str(body.get("page") or "")
    if not _SCENE_CHARACTERS.fullmatch(scene):
        raise WeChatError(40169)
    if page.startswith("/") or "?" in page:
        raise WeChatError(41030)
    if body.get("check_path", True):
        check_page(account, page)
    made = new_scene(world.store, account, scene, page=page or None)
    link = f"{request.host_url}scan?ticket={quote(made.ticket)}"
    image = "PNG" if body.get("is_hyaline") else "JPEG"
    return Response(qr_picture(link, image=image), content_type=f"image/{image.lower()}")


@blueprint.get("/cgi-bin/ticket/getticket")
def getticket() -> JsonObject:
    caller()
    if request.args.get("type") not in ("jsapi", "wx_card"):
        raise WeChatError(40035)
    return fine(ticket=secrets.token_urlsafe(64), expires_in=7200)


@blueprint.post("/cgi-bin/clear_quota")
def clear_quota() -> JsonObject:
    if json_body().get("appid") != caller().app_id:
        raise WeChatError(40013)
    return fine()


def _user(account: Account, openid: str) -> JsonObject:
    if not openid:
        raise WeChatError(41009)
    world = this_world()
    person = person_behind(world.store, openid, account.app_id)
    follow = follow_of(world.store, openid, account.app_id)
    unionid = unionid_of(person, account)
    known: JsonObject = {"subscribe": int(follow is not None), "openid": openid}
    if unionid:
        known["unionid"] = unionid
    if follow is None:
        return known
    return known | {
        "nickname": "",
        "sex": 0,
        "language": "zh_CN",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": "",
        "subscribe_time": follow.since,
        "remark": "",
        "groupid": 0,
        "tagid_list": [],
        "subscribe_scene": "ADD_SCENE_QR_CODE" if follow.scene else "ADD_SCENE_SEARCH",
        "qr_scene": int(follow.scene) if follow.scene.isdecimal() else 0,
        "qr_scene_str": "" if follow.scene.isdecimal() else follow.scene,
    }


def _scene_of(body: JsonObject) -> str:
    info = body.get("action_info")
    inner = info.get("scene") if isinstance(info, dict) else None
    if not isinstance(inner, dict):
        raise WeChatError(40053)
    name = body.get("action_name")
    if name in ("QR_STR_SCENE", "QR_LIMIT_STR_SCENE"):
        text = str(inner.get("scene_str") or "")
        if 1 <= len(text) <= 64:
            return text
    elif name in ("QR_SCENE", "QR_LIMIT_SCENE"):
        number = inner.get("scene_id")
        highest = 100_000 if name == "QR_LIMIT_SCENE" else 2**32 - 1
        if isinstance(number, int) and 1 <= number <= highest:
            return str(number)
    raise WeChatError(40053)
