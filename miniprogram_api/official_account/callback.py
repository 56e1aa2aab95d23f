"""``/wechat/{app_id}/callback``: server check, and pushes (spec/08). Asks WeChat nothing."""

import logging

from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from backend import clock
from backend.errors import Busy
from backend.visits import follow
from backend.wechat import accounts, callbacks, inbox
from backend.wechat.errors import ForgedPush, UnreadablePush

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024

blueprint = Blueprint("official_account", __name__, url_prefix="/wechat")


@blueprint.get("/<app_id>/callback")
def check_server(app_id: str) -> Response:
    """服务器验证."""
    app = accounts.app_by_id(app_id)
    return Response(callbacks.check_server(app, query=request.args), mimetype="text/plain")


@blueprint.post("/<app_id>/callback")
def receive(app_id: str) -> Response:
    """推送: stored, then answered; 503 when it cannot be stored, so that WeChat tries again.

    Any answer but 200 reaches the follower as 该公众号提供的服务出现故障: it is for forgers.
    """
    request.max_content_length = MOST_BYTES
    body = request.get_data()
    try:
        app = accounts.app_by_id(app_id)
        try:
            push = callbacks.read(
                app, query=request.args, body=body, content_type=request.content_type or ""
            )
        except UnreadablePush as error:
            log.error("A signed push cannot be read: %s", error, extra={"app_id": app_id})
            inbox.keep_unread(app_id, body, now=clock.now())
            return Response(b"success", mimetype="text/plain")
        reply = follow.receive(push, now=clock.now())
        if not reply:
            return Response(b"success", mimetype="text/plain")
        answer = callbacks.reply_text(accounts.app_by_id(app_id), push, reply)
    except ForgedPush:
        log.warning("A push was refused as forged", extra={"app_id": app_id})
        raise
    except SQLAlchemyError as error:
        log.exception("A push could not be stored", extra={"app_id": app_id})
        raise Busy() from error
    return Response(answer, mimetype="text/xml")
