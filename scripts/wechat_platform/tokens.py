"""access_token: the classic one, where a newer kills the older, and the stable one beside it."""

import secrets
from dataclasses import dataclass

from scripts.wechat_platform.accounts import Account, known_account
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.store import Store

LIFE = 7200
_OVERLAP = 300  # the older classic token, and the last stretch of a stable one
_FORCED_APART = 30
_FORCED_PER_DAY = 20


@dataclass(frozen=True)
class Token:
    access_token: str
    expires_in: int


def classic_token(store: Store, account: Account, *, now: float) -> Token:
    """A new token; the one before works five minutes longer."""
    with store.transaction():
        store.run(
            "UPDATE access_token SET dead_at=?"
            " WHERE app_id=? AND mode='classic' AND dead_at IS NULL",
            now + _OVERLAP,
            account.app_id,
        )
        return _issue(store, account.app_id, "classic", now=now)


def stable_token(store: Store, account: Account, *, force: bool = False, now: float) -> Token:
    """The same token for everybody until its last five minutes.

    ``force`` kills the current one at once, at most 20 times a day and 30 seconds apart; else it
    is an ordinary call.
    """
    with store.transaction():
        current = store.row(
            "SELECT * FROM access_token WHERE app_id=? AND mode LIKE 'stable%' AND dead_at IS NULL"
            " AND expires_at>? ORDER BY issued_at DESC LIMIT 1",
            account.app_id,
            now + _OVERLAP,
        )
        forced = force and _may_force(store, account, now=now)
        if current and not forced:
            return Token(current["token"], int(current["expires_at"] - now))
        if forced:
            store.run(
                "UPDATE access_token SET dead_at=? WHERE app_id=? AND mode LIKE 'stable%'",
                now,
                account.app_id,
            )
        return _issue(store, account.app_id, "stable-forced" if forced else "stable", now=now)


def account_calling(store: Store, token: str | None, *, now: float) -> Account:
    """Who calls: 41001 without a token, 40001 unknown or replaced, 42001 expired."""
    if not token:
        raise WeChatError(41001)
    row = store.row("SELECT * FROM access_token WHERE token=? AND mode<>'oauth'", token)
    if row is None or (row["dead_at"] is not None and row["dead_at"] <= now):
        raise WeChatError(40001)
    if row["expires_at"] <= now:
        raise WeChatError(42001)
    return known_account(store, row["app_id"])


def oauth_token(store: Store, app_id: str, openid: str, *, now: float) -> Token:
    """网页授权: a token of one person, good for sns/userinfo only."""
    return _issue(store, app_id, "oauth", openid=openid, now=now)


def app_of_oauth_token(store: Store, token: str, openid: str, *, now: float) -> str:
    row = store.row("SELECT * FROM access_token WHERE token=? AND mode='oauth'", token)
    if row is None:
        raise WeChatError(40001)
    if row["expires_at"] <= now:
        raise WeChatError(42001)
    if row["openid"] != openid:
        raise WeChatError(40003)
    return str(row["app_id"])


def expire_tokens(store: Store, app_id: str, *, now: float) -> int:
    """Every token of the app answers 42001 from now on."""
    return store.run("UPDATE access_token SET expires_at=? WHERE app_id=?", now, app_id)


def _may_force(store: Store, account: Account, *, now: float) -> bool:
    row = store.row(
        "SELECT count(*) AS today, max(issued_at) AS latest FROM access_token"
        " WHERE app_id=? AND mode='stable-forced' AND issued_at>?",
        account.app_id,
        now - 86400,
    )
    if row is None or row["latest"] is None:
        return True
    return bool(row["today"] < _FORCED_PER_DAY and now - row["latest"] >= _FORCED_APART)


def _issue(store: Store, app_id: str, mode: str, *, openid: str | None = None, now: float) -> Token:
    token = f"{secrets.randbelow(90) + 10}_{secrets.token_urlsafe(96)}"
    store.run(
        "INSERT INTO access_token VALUES (?, ?, ?, ?, ?, ?, NULL)",
        token,
        app_id,
        mode,
        openid,
        now,
        now + LIFE,
    )
    return Token(token, LIFE)
