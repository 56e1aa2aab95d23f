"""What every WeChat call has in common: who calls, and the JSON body whatever its Content-Type."""

import json

from flask import request

from scripts.wechat_platform.accounts import Account, known_account
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.tokens import account_calling
from scripts.wechat_platform.world import this_world

JsonObject = dict[str, object]


def caller() -> Account:
    """The account behind the access_token of the query."""
    world = this_world()
    return account_calling(world.store, request.args.get("access_token"), now=world.clock())


def caller_with_secret(app_id: str | None, secret: str | None) -> Account:
    """41002 and 41004 missing, 40013 and 40125 wrong."""
    if not app_id:
        raise WeChatError(41002)
    if not secret:
        raise WeChatError(41004)
    account = known_account(this_world().store, app_id)
    if account.secret != secret:
        raise WeChatError(40125)
    return account


def json_body(*, broken: int = 47001) -> JsonObject:
    """44002 for none; ``broken`` for anything that is not a JSON object."""
    raw = request.get_data()
    if not raw:
        raise WeChatError(44002)
    try:
        body = json.loads(raw)
    except ValueError:
        raise WeChatError(broken) from None
    if not isinstance(body, dict):
        raise WeChatError(broken)
    return body


def fine(**fields: object) -> JsonObject:
    return {"errcode": 0, "errmsg": "ok", **fields}
