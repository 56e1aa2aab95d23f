"""WeChat API: articles, media and mass messages."""

from flask import Blueprint, request

from scripts.wechat_platform.accounts import Account
from scripts.wechat_platform.calls import JsonObject, caller, fine, json_body
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.masses import earlier_mass, keep_media, preview_mass, send_mass
from scripts.wechat_platform.people import followers_of
from scripts.wechat_platform.world import this_world

blueprint = Blueprint("api_mass", __name__)


@blueprint.post("/cgi-bin/media/upload")
@blueprint.post("/cgi-bin/material/add_material")
def upload() -> JsonObject:
    world, account = this_world(), caller()
    file = request.files.get("media")
    if file is None:
        raise WeChatError(44002)
    media_id = keep_media(world, account, {"file": file.filename})
    return {
        "type": request.args.get("type", "image"),
        "media_id": media_id,
        "created_at": int(world.clock()),
        "url": f"{request.host_url}media/{media_id}",
    }


@blueprint.post("/cgi-bin/draft/add")
@blueprint.post("/cgi-bin/media/uploadnews")
def add_articles() -> JsonObject:
    world, account = this_world(), caller()
    articles = json_body().get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= 8:
        raise WeChatError(47001)
    kept = [
        {
            "title": str(article.get("title") or ""),
            "description": str(article.get("digest") or ""),
            "url": str(article.get("content_source_url") or ""),
        }
        for article in articles
    ]
    media_id = keep_media(world, account, kept)
    return {"type": "news", "media_id": media_id, "created_at": int(world.clock())}


@blueprint.post("/cgi-bin/message/mass/send")
def mass_send() -> JsonObject:
    """To 2 … 10,000 openids."""
    body = json_body()
    openids = body.get("touser")
    if not isinstance(openids, list) or len(openids) > 10_000:
        raise WeChatError(40032)
    if len(openids) < 2:
        raise WeChatError(40130)
    return _sent_once(caller(), body, [str(openid) for openid in openids])


@blueprint.post("/cgi-bin/message/mass/sendall")
def mass_sendall() -> JsonObject:
    account, body = caller(), json_body()
    return _sent_once(account, body, followers_of(this_world().store, account.app_id))


@blueprint.post("/cgi-bin/message/mass/preview")
def mass_preview() -> JsonObject:
    world = this_world()
    return fine(msg_id=preview_mass(world, caller(), json_body(), now=world.clock()))


@blueprint.post("/cgi-bin/message/mass/get")
def mass_get() -> JsonObject:
    caller()
    return {"msg_id": json_body().get("msg_id"), "msg_status": "SEND_SUCCESS"}


def _sent_once(account: Account, body: JsonObject, openids: list[str]) -> JsonObject:
    """45065 with the first msg_id when this clientmsgid was sent before."""
    world = this_world()
    with world.store.transaction():
        if earlier := earlier_mass(world, account, body, now=world.clock()):
            return WeChatError(45065).answer() | {"msg_id": earlier}
        msg_id = send_mass(world, account, body, openids, now=world.clock())
    return fine(msg_id=msg_id, msg_data_id=msg_id)
