"""WeChat Pay API v3: JSAPI orders and refunds, every answer signed."""

import json
import re
import secrets
import time
from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, request

from scripts.wechat_platform import pay_orders, pay_refunds
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.pay_accounts import PayAccount
from scripts.wechat_platform.pay_errors import PayError
from scripts.wechat_platform.pay_orders import Order
from scripts.wechat_platform.pay_refunds import Asked
from scripts.wechat_platform.pay_signing import account_signing, signed_headers
from scripts.wechat_platform.people import person_behind
from scripts.wechat_platform.world import this_world

blueprint = Blueprint("api_pay", __name__, url_prefix="/v3")

Object = Mapping[str, object]

_NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
_REFUND_NUMBER = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
_URL = re.compile(r"https?://[^\s?#]{1,240}")
_MOST_FEN = 10**10


@blueprint.post("/pay/transactions/jsapi")
def place() -> Response:
    account, body = _caller(), _body()
    order = _ordered(account, body)
    pay_orders.place(this_world(), order)
    return _signed({"prepay_id": order.prepay_id})


@blueprint.get("/pay/transactions/out-trade-no/<out_trade_no>")
def query(out_trade_no: str) -> Response:
    account = _caller()
    _check_mchid(account, request.args.get("mchid"))
    return _signed(pay_orders.as_told(pay_orders.order_of(this_world(), account, out_trade_no)))


@blueprint.post("/pay/transactions/out-trade-no/<out_trade_no>/close")
def close(out_trade_no: str) -> Response:
    account, body = _caller(), _body()
    _check_mchid(account, body.get("mchid"))
    pay_orders.close(this_world(), account, out_trade_no)
    return _signed(None)


@blueprint.post("/refund/domestic/refunds")
def refund() -> Response:
    account, body = _caller(), _body()
    amount = _object(body, "amount")
    asked = Asked(
        out_trade_no=_text(body, "out_trade_no", _NUMBER),
        out_refund_no=_text(body, "out_refund_no", _REFUND_NUMBER),
        refund=_fen(amount, "refund"),
        total=_fen(amount, "total"),
        reason=_short(body, "reason", 80),
        notify_url=_text(body, "notify_url", _URL) if "notify_url" in body else "",
    )
    return _signed(pay_refunds.as_told(pay_refunds.refund(this_world(), account, asked)))


@blueprint.get("/refund/domestic/refunds/<out_refund_no>")
def query_refund(out_refund_no: str) -> Response:
    made = pay_refunds.refund_of(this_world(), _caller(), out_refund_no)
    return _signed(pay_refunds.as_told(made))


def refused(problem: PayError) -> Response:
    """A refusal as WeChat Pay words it."""
    return _signed(problem.answer(), status=problem.status)


def _caller() -> PayAccount:
    """Who calls; the address is checked as it was sent."""
    world = this_world()
    return account_signing(
        world.store,
        request.headers.get("Authorization", ""),
        method=request.method,
        address=str(request.environ.get("RAW_URI") or request.full_path.rstrip("?")),
        body=request.get_data(),
        now=world.clock(),
    )


def _signed(content: Object | None, *, status: int = 200) -> Response:
    """An answer; without content 204."""
    body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
    answer = Response(body, 204 if content is None else status)
    answer.headers["Content-Type"] = "application/json; charset=utf-8"
    answer.headers["Request-ID"] = secrets.token_hex(16).upper()
    answer.headers.update(signed_headers(body, at=this_world().clock()))
    return answer


def _ordered(account: PayAccount, body: Object) -> Order:
    _check_mchid(account, body.get("mchid"))
    world = this_world()
    app_id, amount = _text(body, "appid"), _object(body, "amount")
    if account.apps is not None and app_id not in account.apps:
        raise PayError("APPID_MCHID_NOT_MATCH", "商户号mch_id与appid不匹配")
    if amount.get("currency", "CNY") != "CNY":
        raise _wrong("amount.currency")
    openid = _text(_object(body, "payer"), "openid")
    try:
        person_behind(world.store, openid, app_id)
    except WeChatError:
        raise PayError("PARAM_ERROR", "无效的openid") from None
    description = _short(body, "description", 127)
    if not description:
        raise _wrong("description")
    return Order(
        mch_id=account.mch_id,
        out_trade_no=_text(body, "out_trade_no", _NUMBER),
        app_id=app_id,
        openid=openid,
        description=description,
        attach=_short(body, "attach", 128),
        total=_fen(amount, "total"),
        notify_url=_text(body, "notify_url", _URL),
        prepay_id=f"wx{time.strftime('%d%H%M%S')}{secrets.token_hex(12)}0000",
        prepaid_at=world.clock(),
        expires_at=_expiry(body, now=world.clock()),
    )


def _expiry(body: Object, *, now: float) -> float | None:
    if "time_expire" not in body:
        return None
    try:
        until = datetime.fromisoformat(str(body["time_expire"]))
        if until.tzinfo is None or until.timestamp() <= now:
            raise ValueError(until)
    except ValueError:
        raise _wrong("time_expire") from None
    return until.timestamp()


def _body() -> Object:
    try:
        body = json.loads(request.get_data())
    except ValueError:
        body = None
    if not isinstance(body, dict) or request.mimetype != "application/json":
        raise PayError("PARAM_ERROR", "请求体不是有效的JSON")
    return body


def _check_mchid(account: PayAccount, mch_id: object) -> None:
    if mch_id != account.mch_id:
        raise PayError("PARAM_ERROR", "mchid与签名的商户号不一致")


def _object(body: Object, name: str) -> Object:
    value = body.get(name)
    if not isinstance(value, dict):
        raise _wrong(name)
    return value


def _text(body: Object, name: str, like: re.Pattern[str] | None = None) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value or (like and not like.fullmatch(value)):
        raise _wrong(name)
    return value


def _short(body: Object, name: str, most: int) -> str:
    """A text of at most so many bytes; it may be missing."""
    value = body.get(name, "")
    if not isinstance(value, str) or len(value.encode()) > most:
        raise _wrong(name)
    return value


def _fen(amount: Object, name: str) -> int:
    value = amount.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_FEN:
        raise _wrong(f"amount.{name}")
    return value


def _wrong(name: str) -> PayError:
    return PayError("PARAM_ERROR", f"输入源“/body/{name.replace('.', '/')}”不符合规则")
