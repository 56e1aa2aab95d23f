"""微信用户: people, their openid in every app, whom they follow, which windows they opened."""

import base64
import secrets
import sqlite3
from dataclasses import dataclass
from hashlib import sha256

from scripts.wechat_platform.accounts import Account
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.store import Store

WROTE = (5, 48 * 3600.0)  # customer messages allowed, seconds
CAME_NEAR = (3, 60.0)  # followed, scanned a parametric code or clicked the menu


@dataclass(frozen=True)
class Person:
    """One WeChat user."""

    id: str
    nickname: str
    phone: str | None


@dataclass(frozen=True)
class Follow:
    """关注: since when (Unix seconds) and through which scene ('' without a code)."""

    since: int
    scene: str


def add_person(
    store: Store, nickname: str, *, phone: str | None = None, id: str | None = None, now: float
) -> Person:
    person = Person(id or "p" + secrets.token_hex(4), nickname, phone)
    store.run(
        "INSERT OR REPLACE INTO person VALUES (?, ?, ?, ?)",
        person.id,
        person.nickname,
        person.phone,
        now,
    )
    return person


def all_people(store: Store) -> list[Person]:
    """Everybody one can be; a demo's crowd (ids ``extra-…``) only receives."""
    rows = store.rows("SELECT * FROM person WHERE id NOT LIKE 'extra-%' ORDER BY made_at, rowid")
    return [_person(row) for row in rows]


def person_with_id(store: Store, person_id: str) -> Person | None:
    row = store.row("SELECT * FROM person WHERE id=?", person_id)
    return _person(row) if row else None


def openid_of(store: Store, person: Person, app_id: str) -> str:
    """28 characters, another one in every app; from now on the app may write to it."""
    openid = "o" + _letters(f"{app_id}:{person.id}", 27)
    store.run("INSERT OR IGNORE INTO identity VALUES (?, ?, ?)", app_id, openid, person.id)
    return openid


def unionid_of(person: Person, account: Account) -> str | None:
    """The same in all apps of one open-platform account; None in an unbound app."""
    if account.union_group is None:
        return None
    return "o" + _letters(f"union:{account.union_group}:{person.id}", 27)


def person_behind(store: Store, openid: str, app_id: str) -> Person:
    """Whose openid this is in this app; 40003 for another app's or a made-up one."""
    row = store.row(
        "SELECT person.* FROM identity JOIN person ON person.id = identity.person_id"
        " WHERE app_id=? AND openid=?",
        app_id,
        openid,
    )
    if row is None:
        raise WeChatError(40003)
    return _person(row)


def follow_of(store: Store, openid: str, app_id: str) -> Follow | None:
    row = store.row(
        "SELECT since, scene FROM follow WHERE app_id=? AND openid=? AND following=1",
        app_id,
        openid,
    )
    return Follow(row["since"], row["scene"]) if row else None


def set_follow(
    store: Store, openid: str, app_id: str, *, following: bool, scene: str = "", now: float
) -> None:
    store.run(
        "INSERT OR REPLACE INTO follow VALUES (?, ?, ?, ?, ?)",
        app_id,
        openid,
        int(following),
        int(now),
        scene,
    )


def followers_of(store: Store, app_id: str) -> list[str]:
    rows = store.rows(
        "SELECT openid FROM follow WHERE app_id=? AND following=1 ORDER BY rowid", app_id
    )
    return [row["openid"] for row in rows]


def open_window(
    store: Store, openid: str, app_id: str, window: tuple[int, float], *, now: float
) -> None:
    """客服消息: what the person did lets the account write a few messages for a while."""
    messages, seconds = window
    store.run(
        "INSERT INTO reply_window (app_id, openid, messages_left, until) VALUES (?, ?, ?, ?)",
        app_id,
        openid,
        messages,
        now + seconds,
    )


def take_from_window(store: Store, openid: str, app_id: str, *, now: float) -> None:
    """Use the most generous open window: 45015 when none is open, 45047 when all are used up."""
    open_ones = store.rows(
        "SELECT id, messages_left FROM reply_window WHERE app_id=? AND openid=? AND until>?"
        " ORDER BY messages_left DESC",
        app_id,
        openid,
        now,
    )
    if not open_ones:
        raise WeChatError(45015)
    if open_ones[0]["messages_left"] == 0:
        raise WeChatError(45047)
    store.run(
        "UPDATE reply_window SET messages_left = messages_left - 1 WHERE id=?", open_ones[0]["id"]
    )


def close_windows(store: Store, openid: str, app_id: str) -> None:
    store.run("DELETE FROM reply_window WHERE app_id=? AND openid=?", app_id, openid)


def _letters(seed: str, length: int) -> str:
    return base64.urlsafe_b64encode(sha256(seed.encode()).digest()).decode()[:length]


def _person(row: sqlite3.Row) -> Person:
    return Person(row["id"], row["nickname"], row["phone"])
