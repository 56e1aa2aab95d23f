"""wx.login, phone and web authorization codes: five minutes, one use, one app, one purpose."""

import secrets
from dataclasses import dataclass
from enum import StrEnum

from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.people import Person, person_with_id
from scripts.wechat_platform.store import Store

_LIFE = 300.0


class Purpose(StrEnum):
    LOGIN = "login"
    PHONE = "phone"
    OAUTH = "oauth"


@dataclass(frozen=True)
class Used:
    """What a good code stood for."""

    person: Person
    scope: str


def new_code(
    store: Store, person: Person, app_id: str, purpose: Purpose, *, scope: str = "", now: float
) -> str:
    code = "0" + secrets.token_urlsafe(23)[:31]
    store.run(
        "INSERT INTO code (code, kind, app_id, person_id, scope, until) VALUES (?, ?, ?, ?, ?, ?)",
        code,
        purpose,
        app_id,
        person.id,
        scope,
        now + _LIFE,
    )
    return code


def use_code(store: Store, code: str, app_id: str, purpose: Purpose, *, now: float) -> Used:
    """41008 missing; 40029 unknown, expired, of another app or purpose; 40163 used before."""
    if not code:
        raise WeChatError(41008)
    with store.transaction():
        row = store.row(
            "SELECT * FROM code WHERE code=? AND app_id=? AND kind=?", code, app_id, purpose
        )
        if row is None or row["until"] <= now:
            raise WeChatError(40029)
        if row["used"]:
            raise WeChatError(40163)
        store.run("UPDATE code SET used=1 WHERE code=?", code)
    person = person_with_id(store, row["person_id"])
    if person is None:
        raise WeChatError(40029)
    return Used(person, row["scope"])
