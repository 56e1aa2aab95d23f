"""WeChat API: sending messages, their templates, and the custom menu."""

import json
from collections.abc import Sequence

from flask import Blueprint

from scripts.wechat_platform.accounts import Kind, templates_of
from scripts.wechat_platform.calls import JsonObject, caller, fine, json_body
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.messages import send_custom, send_subscribe, send_template
from scripts.wechat_platform.store import text_of
from scripts.wechat_platform.world import this_world

blueprint = Blueprint("api_messages", __name__)

_BUTTON_TYPES = {
    "click",
    "view",
    "miniprogram",
    "scancode_push",
    "scancode_waitmsg",
    "pic_sysphoto",
    "pic_photo_or_album",
    "pic_weixin",
    "location_select",
    "media_id",
    "article_id",
    "article_view_limited",
}


@blueprint.post("/cgi-bin/message/template/send")
def template_send() -> JsonObject:
    world = this_world()
    return fine(msgid=send_template(world, caller(), json_body(), now=world.clock()))


@blueprint.post("/cgi-bin/message/subscribe/send")
def subscribe_send() -> JsonObject:
    world = this_world()
    return fine(msgid=send_subscribe(world, caller(), json_body(), now=world.clock()))


@blueprint.post("/cgi-bin/message/custom/send")
def custom_send() -> JsonObject:
    world = this_world()
    send_custom(world, caller(), json_body(), now=world.clock())
    return fine()


@blueprint.post("/cgi-bin/message/custom/typing")
def custom_typing() -> JsonObject:
    caller()
    return fine()


@blueprint.get("/cgi-bin/template/get_all_private_template")
def private_templates() -> JsonObject:
    return {
        "template_list": [
            {
                "template_id": template.template_id,
                "title": template.title,
                "primary_industry": "",
                "deputy_industry": "",
                "content": _content(template.fields),
                "example": "",
            }
            for template in templates_of(this_world().store, caller().app_id)
        ]
    }


@blueprint.get("/wxaapi/newtmpl/gettemplate")
def subscribe_templates() -> JsonObject:
    return fine(
        data=[
            {
                "priTmplId": template.template_id,
                "title": template.title,
                "content": _content(template.fields),
                "example": "",
                "type": 2,
            }
            for template in templates_of(this_world().store, caller().app_id)
        ]
    )


@blueprint.post("/cgi-bin/menu/create")
def menu_create() -> JsonObject:
    account, body = caller(), json_body()
    if account.kind is not Kind.OFFICIAL_ACCOUNT:
        raise WeChatError(48001)
    buttons = body.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise WeChatError(40016)
    for button in buttons:
        _check_button(button, name_bytes=16)
    this_world().store.run(
        "UPDATE account SET menu=? WHERE app_id=?", text_of(buttons), account.app_id
    )
    return fine()


@blueprint.get("/cgi-bin/menu/get")
def menu_get() -> JsonObject:
    buttons = menu_of(caller().app_id)
    if not buttons:
        raise WeChatError(46003)
    return {"menu": {"button": buttons}}


@blueprint.get("/cgi-bin/menu/delete")
def menu_delete() -> JsonObject:
    this_world().store.run("UPDATE account SET menu=NULL WHERE app_id=?", caller().app_id)
    return fine()


def menu_of(app_id: str) -> Sequence[JsonObject]:
    """The published buttons, none before the first ``menu/create``."""
    row = this_world().store.row("SELECT menu FROM account WHERE app_id=?", app_id)
    return json.loads(row["menu"]) if row and row["menu"] else []


def _content(fields: object) -> str:
    if not isinstance(fields, dict):
        return ""
    return "\n".join(f"{label}:{{{{{key}.DATA}}}}" for key, label in fields.items())


def _check_button(button: object, *, name_bytes: int) -> None:
    if not isinstance(button, dict):
        raise WeChatError(40017)
    if not 0 < len(str(button.get("name") or "").encode()) <= name_bytes:
        raise WeChatError(40018)
    below = button.get("sub_button")
    if below:
        if len(below) > 5:
            raise WeChatError(40023)
        for child in below:
            _check_button(child, name_bytes=60)
        return
    if button.get("type") not in _BUTTON_TYPES:
        raise WeChatError(40017)
    _check_target(button)


def _check_target(button: JsonObject) -> None:
    kind, key, url = button["type"], str(button.get("key") or ""), str(button.get("url") or "")
    if kind == "click" and not 0 < len(key.encode()) <= 128:
        raise WeChatError(40019)
    if kind in ("view", "miniprogram") and not 0 < len(url.encode()) <= 1024:
        raise WeChatError(40020)
