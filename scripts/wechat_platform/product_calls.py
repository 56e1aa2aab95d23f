"""小程序: plays a merchant's mini-program against the product's own HTTP API.

The browser talks to this platform only; the bearer token of each login stays here.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests

from scripts.wechat_platform.accounts import known_account
from scripts.wechat_platform.codes import Purpose, new_code
from scripts.wechat_platform.deeds import answer_subscription
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.world import Shown, World

_TIMEOUT = 15
_AWAY = {"code": "PRODUCT_AWAY", "message": "商家系统暂时连不上，请稍后再试"}
_SHOWN_SECONDS = 120


@dataclass(frozen=True)
class Answer:
    """What the product answered; 503 when it could not be reached."""

    status: int
    body: Mapping[str, object]


def log_in(world: World, person: Person, app_id: str, *, scene: str | None = None) -> Answer:
    """wx.login and the product's login; every waiting coupon comes with it."""
    code = new_code(world.store, person, app_id, Purpose.LOGIN, now=world.clock())
    body = {"app_id": app_id, "code": code} | ({"scene": scene} if scene else {})
    answer = _ask(world, "POST", "/api/v1/login", body)
    if isinstance(answer.body.get("token"), str):
        world.store.run(
            "INSERT OR REPLACE INTO mini_login VALUES (?, ?, ?)",
            app_id,
            person.id,
            str(answer.body["token"]),
        )
        told = {name: value for name, value in answer.body.items() if name != "token"}
        return Answer(answer.status, told)
    return answer


def bind_phone(world: World, person: Person, app_id: str) -> Answer:
    """getPhoneNumber: this person's number goes to the merchant."""
    if not person.phone:
        return Answer(400, {"code": "NO_PHONE", "message": "这个微信用户没有手机号"})
    code = new_code(world.store, person, app_id, Purpose.PHONE, now=world.clock())
    return call(world, person, app_id, "POST", "/api/v1/phone", {"code": code})


def consent(world: World, person: Person, app_id: str, results: Mapping[str, str]) -> Answer:
    """requestSubscribeMessage: WeChat counts it, pushes it, and the page reports it."""
    answer_subscription(world, person, app_id, results)
    return call(world, person, app_id, "POST", "/api/v1/me/consents", {"results": dict(results)})


def call(
    world: World,
    person: Person,
    app_id: str,
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
    *,
    key: str | None = None,
) -> Answer:
    """One call with this person's bearer token; without a login 401 as from the product."""
    known_account(world.store, app_id)
    row = world.store.row(
        "SELECT bearer FROM mini_login WHERE app_id=? AND person_id=?", app_id, person.id
    )
    headers = {"Authorization": f"Bearer {row['bearer']}"} if row else {}
    if key:
        headers["Idempotency-Key"] = key
    answer = _ask(world, method, path, body, headers)
    if path.endswith("/qr") and isinstance(answer.body.get("text"), str):
        number = "会员码" if path.endswith("/me/qr") else path.split("/")[-2]
        world.shown[person.id] = Shown(person, number, str(answer.body["text"]), time.time())
    return answer


def shown_now(world: World) -> list[Shown]:
    """The codes that phones around show at this moment."""
    since = time.time() - _SHOWN_SECONDS
    return [shown for shown in world.shown.values() if shown.at > since]


def _ask(
    world: World,
    method: str,
    path: str,
    body: Mapping[str, object] | None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    if not world.product or not path.startswith("/api/v1/") or ".." in path:
        return Answer(503, _AWAY)
    try:
        answer = requests.request(
            method,
            world.product.rstrip("/") + path,
            json=body,
            headers=dict(headers or {}),
            timeout=_TIMEOUT,
        )
    except requests.RequestException:
        return Answer(503, _AWAY)
    try:
        decoded = answer.json() if answer.content else {}
    except ValueError:
        decoded = None
    if not isinstance(decoded, dict):
        return Answer(answer.status_code if answer.status_code >= 400 else 502, _AWAY)
    return Answer(answer.status_code, decoded)
