"""What the platform remembers, in one SQLite file (or in memory for tests).

One connection behind one lock: a demo and a test suite never need more, and what WeChat
acknowledged is still known after a kill.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    app_id TEXT PRIMARY KEY, kind TEXT NOT NULL, secret TEXT NOT NULL, token TEXT, aes_key TEXT,
    name TEXT NOT NULL, union_group TEXT, pages TEXT, menu TEXT);
CREATE TABLE IF NOT EXISTS template (
    app_id TEXT, template_id TEXT, title TEXT NOT NULL, fields TEXT NOT NULL,
    PRIMARY KEY (app_id, template_id));
CREATE TABLE IF NOT EXISTS scene (
    ticket TEXT PRIMARY KEY, app_id TEXT NOT NULL, kind TEXT NOT NULL, scene TEXT NOT NULL,
    page TEXT, title TEXT, until REAL);
CREATE TABLE IF NOT EXISTS person (
    id TEXT PRIMARY KEY, nickname TEXT NOT NULL, phone TEXT, made_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS identity (
    app_id TEXT, openid TEXT, person_id TEXT NOT NULL, PRIMARY KEY (app_id, openid));
CREATE TABLE IF NOT EXISTS follow (
    app_id TEXT, openid TEXT, following INTEGER NOT NULL, since INTEGER NOT NULL,
    scene TEXT NOT NULL, PRIMARY KEY (app_id, openid));
CREATE TABLE IF NOT EXISTS reply_window (
    id INTEGER PRIMARY KEY, app_id TEXT NOT NULL, openid TEXT NOT NULL,
    messages_left INTEGER NOT NULL, until REAL NOT NULL);
CREATE INDEX IF NOT EXISTS reply_window_of ON reply_window (app_id, openid);
CREATE TABLE IF NOT EXISTS credit (
    app_id TEXT, openid TEXT, template_id TEXT, messages_left INTEGER NOT NULL,
    PRIMARY KEY (app_id, openid, template_id));
CREATE TABLE IF NOT EXISTS code (
    code TEXT PRIMARY KEY, kind TEXT NOT NULL, app_id TEXT NOT NULL, person_id TEXT NOT NULL,
    scope TEXT NOT NULL, until REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS access_token (
    token TEXT PRIMARY KEY, app_id TEXT NOT NULL, mode TEXT NOT NULL, openid TEXT,
    issued_at REAL NOT NULL, expires_at REAL NOT NULL, dead_at REAL);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, app_id TEXT NOT NULL, openid TEXT NOT NULL, channel TEXT NOT NULL,
    template_id TEXT, data TEXT NOT NULL, link TEXT, client_msg_id TEXT, msgid INTEGER,
    at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS message_of ON message (app_id, openid);
CREATE TABLE IF NOT EXISTS media (
    media_id TEXT PRIMARY KEY, app_id TEXT NOT NULL, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mass (
    msg_id INTEGER PRIMARY KEY, app_id TEXT NOT NULL, client_msg_id TEXT, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS push (
    id INTEGER PRIMARY KEY, app_id TEXT NOT NULL, openid TEXT NOT NULL, event TEXT NOT NULL,
    body TEXT NOT NULL, tries INTEGER NOT NULL, status INTEGER NOT NULL, problem TEXT,
    at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS pay_account (
    mch_id TEXT PRIMARY KEY, serial_no TEXT NOT NULL, public_key TEXT NOT NULL,
    api_v3_key TEXT NOT NULL, name TEXT NOT NULL, apps TEXT);
CREATE TABLE IF NOT EXISTS pay_order (
    mch_id TEXT, out_trade_no TEXT, app_id TEXT NOT NULL, openid TEXT NOT NULL,
    description TEXT NOT NULL, attach TEXT NOT NULL, total INTEGER NOT NULL,
    notify_url TEXT NOT NULL, prepay_id TEXT NOT NULL UNIQUE, prepaid_at REAL NOT NULL,
    expires_at REAL, state TEXT NOT NULL, transaction_id TEXT NOT NULL, paid_at REAL,
    PRIMARY KEY (mch_id, out_trade_no));
CREATE TABLE IF NOT EXISTS pay_refund (
    mch_id TEXT, out_refund_no TEXT, out_trade_no TEXT NOT NULL, transaction_id TEXT NOT NULL,
    refund_id TEXT NOT NULL, refund INTEGER NOT NULL, total INTEGER NOT NULL,
    reason TEXT NOT NULL, notify_url TEXT NOT NULL, created_at REAL NOT NULL,
    ends_as TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (mch_id, out_refund_no));
CREATE TABLE IF NOT EXISTS pay_notice (
    id TEXT PRIMARY KEY, mch_id TEXT NOT NULL, subject TEXT NOT NULL, event_type TEXT NOT NULL,
    url TEXT NOT NULL, body TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    status INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0, due_at REAL);
CREATE TABLE IF NOT EXISTS mini_login (
    app_id TEXT, person_id TEXT, bearer TEXT NOT NULL, PRIMARY KEY (app_id, person_id));
"""

Value = str | int | float | None


class Store:
    """The platform's memory; every statement commits unless inside ``transaction``."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = RLock()
        self._connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(_SCHEMA)

    def rows(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Value) -> sqlite3.Row | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def run(self, sql: str, *values: Value) -> int:
        """Change something; the number of rows changed."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing, and nobody in between. Joins an outer one."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def text_of(value: object) -> str:
    """A JSON value as kept in a column."""
    return json.dumps(value, ensure_ascii=False)
