"""公众号 and 小程序: the accounts of this platform, their templates, codes and menus."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.store import Store, text_of


class Kind(StrEnum):
    OFFICIAL_ACCOUNT = "official_account"
    MINIPROGRAM = "miniprogram"


@dataclass(frozen=True)
class Account:
    """One app. Without ``token`` no callback is configured: nothing is pushed.

    ``aes_key`` means 安全模式 (encrypted pushes); ``union_group`` is the open-platform account it
    is bound to, None for unbound; ``pages`` None accepts any page.
    """

    app_id: str
    kind: Kind
    secret: str
    token: str | None = None
    aes_key: str | None = None
    name: str = ""
    union_group: str | None = "default"
    pages: tuple[str, ...] | None = None

    @property
    def original_id(self) -> str:
        return "gh_" + sha256(self.app_id.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Template:
    """A message template; ``fields`` (keyword → label) may be empty: then nothing is required."""

    template_id: str
    title: str
    fields: Mapping[str, str]


def add_account(store: Store, account: Account) -> Account:
    """Make the account, or bring it up to date; its menu stays."""
    pages = None if account.pages is None else text_of(account.pages)
    store.run(
        "INSERT INTO account (app_id, kind, secret, token, aes_key, name, union_group, pages)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (app_id) DO UPDATE SET kind=excluded.kind,"
        " secret=excluded.secret, token=excluded.token, aes_key=excluded.aes_key,"
        " name=excluded.name, union_group=excluded.union_group, pages=excluded.pages",
        account.app_id,
        account.kind,
        account.secret,
        account.token,
        account.aes_key,
        account.name,
        account.union_group,
        pages,
    )
    return account


def all_accounts(store: Store) -> list[Account]:
    return [_account(row) for row in store.rows("SELECT * FROM account ORDER BY rowid")]


def known_account(store: Store, app_id: str) -> Account:
    """The account of this app id; 40013 for anything else."""
    row = store.row("SELECT * FROM account WHERE app_id=?", app_id)
    if row is None:
        raise WeChatError(40013)
    return _account(row)


def add_templates(store: Store, app_id: str, templates: Iterable[Template]) -> None:
    for template in templates:
        store.run(
            "INSERT OR REPLACE INTO template VALUES (?, ?, ?, ?)",
            app_id,
            template.template_id,
            template.title,
            text_of(dict(template.fields)),
        )


def templates_of(store: Store, app_id: str) -> list[Template]:
    rows = store.rows("SELECT * FROM template WHERE app_id=? ORDER BY rowid", app_id)
    return [Template(row["template_id"], row["title"], json.loads(row["fields"])) for row in rows]


def known_template(store: Store, app_id: str, template_id: str) -> Template:
    """The template sent with; 40037 if unknown. An account without a list takes any id."""
    listed = templates_of(store, app_id)
    for template in listed:
        if template.template_id == template_id:
            return template
    if listed or not template_id:
        raise WeChatError(40037)
    return Template(template_id, "通知", {})


def _account(row: sqlite3.Row) -> Account:
    return Account(
        app_id=row["app_id"],
        kind=Kind(row["kind"]),
        secret=row["secret"],
        token=row["token"],
        aes_key=row["aes_key"],
        name=row["name"] or row["app_id"],
        union_group=row["union_group"],
        pages=None if row["pages"] is None else tuple(json.loads(row["pages"])),
    )
