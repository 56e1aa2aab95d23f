"""WeChat API: access tokens, mini-program login, phone numbers, web authorization."""

import base64
import secrets
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request

from scripts.wechat_platform.accounts import known_account
from scripts.wechat_platform.calls import (
    JsonObject,
    caller,
    caller_with_secret,
    fine,
    json_body,
)
from scripts.wechat_platform.codes import Purpose, new_code, use_code
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.people import (
    Person,
    all_people,
    openid_of,
    person_behind,
    person_with_id,
    unionid_of,
)
from scripts.wechat_platform.tokens import (
    app_of_oauth_token,
    classic_token,
    oauth_token,
    stable_token,
)
from scripts.wechat_platform.world import this_world

blueprint = Blueprint("api_login", __name__)


@blueprint.get("/cgi-bin/token")
def token() -> JsonObject:
    if request.args.get("grant_type") != "client_credential":
        raise WeChatError(40002)
    world = this_world()
    account = caller_with_secret(request.args.get("appid"), request.args.get("secret"))
    issued = classic_token(world.store, account, now=world.clock())
    return {"access_token": issued.access_token, "expires_in": issued.expires_in}


@blueprint.post("/cgi-bin/stable_token")
def stable() -> JsonObject:
    world, body = this_world(), json_body()
    if body.get("grant_type") != "client_credential":
        raise WeChatError(40002)
    account = caller_with_secret(str(body.get("appid") or ""), str(body.get("secret") or ""))
    force = body.get("force_refresh") is True
    issued = stable_token(world.store, account, force=force, now=world.clock())
    return {"access_token": issued.access_token, "expires_in": issued.expires_in}


@blueprint.get("/sns/jscode2session")
def jscode2session() -> JsonObject:
    world = this_world()
    account = caller_with_secret(request.args.get("appid"), request.args.get("secret"))
    if request.args.get("grant_type") != "authorization_code":
        raise WeChatError(40002)
    code = request.args.get("js_code", "")
    person = use_code(world.store, code, account.app_id, Purpose.LOGIN, now=world.clock()).person
    session: JsonObject = {
        "openid": openid_of(world.store, person, account.app_id),
        "session_key": base64.b64encode(secrets.token_bytes(16)).decode(),
    }
    if unionid := unionid_of(person, account):
        session["unionid"] = unionid
    return session


@blueprint.post("/wxa/business/getuserphonenumber")
def phone_number() -> JsonObject:
    world, account, body = this_world(), caller(), json_body()
    if body.get("openid"):
        person_behind(world.store, str(body["openid"]), account.app_id)
    code = str(body.get("code") or "")
    used = use_code(world.store, code, account.app_id, Purpose.PHONE, now=world.clock())
    country, _, abroad = (used.person.phone or "").partition(" ")
    return fine(
        phone_info={
            "phoneNumber": f"{country}{abroad}",
            "purePhoneNumber": abroad or used.person.phone,
            "countryCode": country.removeprefix("+") if abroad else "86",
            "watermark": {"timestamp": int(world.clock()), "appid": account.app_id},
        }
    )


@blueprint.get("/connect/oauth2/authorize")
def authorize() -> Response | str:
    """网页授权: goes back at once as the person of the phone; without one, asks who."""
    world = this_world()
    account = known_account(world.store, request.args.get("appid", ""))
    back_to, state = request.args.get("redirect_uri", ""), request.args.get("state", "")
    scope = request.args.get("scope", "snsapi_base")
    if request.args.get("response_type") != "code" or not back_to:
        raise WeChatError(40035)
    person = _person_at_the_phone()
    if person is None:
        return render_template("who.html", people=all_people(world.store), account=account)
    code = new_code(
        world.store, person, account.app_id, Purpose.OAUTH, scope=scope, now=world.clock()
    )
    joint = "&" if "?" in back_to else "?"
    answer = redirect(f"{back_to}{joint}{urlencode({'code': code, 'state': state})}")
    answer.set_cookie("wechat_person", person.id)
    return answer  # type: ignore[return-value]


@blueprint.get("/sns/oauth2/access_token")
def oauth_access_token() -> JsonObject:
    world = this_world()
    account = caller_with_secret(request.args.get("appid"), request.args.get("secret"))
    code = request.args.get("code", "")
    used = use_code(world.store, code, account.app_id, Purpose.OAUTH, now=world.clock())
    openid = openid_of(world.store, used.person, account.app_id)
    issued = oauth_token(world.store, account.app_id, openid, now=world.clock())
    answer: JsonObject = {
        "access_token": issued.access_token,
        "expires_in": issued.expires_in,
        "refresh_token": secrets.token_urlsafe(64),
        "openid": openid,
        "scope": used.scope,
    }
    unionid = unionid_of(used.person, account)
    if unionid and used.scope == "snsapi_userinfo":
        answer["unionid"] = unionid
    return answer


@blueprint.get("/sns/userinfo")
def userinfo() -> JsonObject:
    world, openid = this_world(), request.args.get("openid", "")
    token = request.args.get("access_token", "")
    app_id = app_of_oauth_token(world.store, token, openid, now=world.clock())
    person = person_behind(world.store, openid, app_id)
    answer: JsonObject = {
        "openid": openid,
        "nickname": person.nickname,
        "sex": 0,
        "province": "",
        "city": "",
        "country": "",
        "headimgurl": "",
        "privilege": [],
    }
    if unionid := unionid_of(person, known_account(world.store, app_id)):
        answer["unionid"] = unionid
    return answer


def _person_at_the_phone() -> Person | None:
    world = this_world()
    chosen = request.args.get("_person") or request.cookies.get("wechat_person") or world.chosen
    return person_with_id(world.store, chosen) if chosen else None
