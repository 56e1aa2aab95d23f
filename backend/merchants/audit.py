"""操作日志. Who changed what, before and after, from where; written once, never changed. Each entry
is numbered within its merchant's book and sealed, so that ``doctor`` sees when one was.

Phones and secrets are masked before they are stored: the log may be read by more people than what
it tells of.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import insert, select, update

from backend.database import db, table_of, transactional
from backend.keys import purpose_key
from backend.merchants.models import AuditBook, AuditEntry
from backend.requesting import request_id

Facts = dict[str, JsonValue]
HIDDEN = "***"

_TOLD = (
    "book", "seq", "merchant_id", "actor", "action", "subject", "before", "after", "origin",
    "request_id",
)  # fmt: skip

_books, _log = table_of(AuditBook), table_of(AuditEntry)


@dataclass(frozen=True)
class Change:
    """What was done to one subject."""

    subject: str
    before: Facts | None = None
    after: Facts | None = None


def record(
    action: str,
    *,
    subject: str,
    actor: str,
    merchant_id: int | None,
    before: Facts | None = None,
    after: Facts | None = None,
    origin: str = "",
    now: datetime,
) -> None:
    """操作日志. ``action`` is a verb of the business (``staff.reset``), ``subject`` what it was
    done to (``staff boss``), ``merchant_id`` is empty for what the operator does to no merchant.

    Written in the transaction of the change itself.
    """
    done = [Change(subject, before, after)]
    record_all(action, done, actor=actor, merchant_id=merchant_id, origin=origin, now=now)


@transactional
def record_all(
    action: str,
    changes: Sequence[Change],
    *,
    actor: str,
    merchant_id: int | None,
    origin: str = "",
    now: datetime,
) -> None:
    """操作日志 of one act that changed many: an entry for each."""
    book = merchant_id or 0
    first = _next(book, len(changes))
    entries: list[dict[str, Any]] = [
        {
            "merchant_id": merchant_id,
            "at": now,
            "actor": mask_phones(actor)[:80],
            "action": action,
            "subject": mask_phones(each.subject)[:80],
            "before": None if each.before is None else _masked(each.before),
            "after": None if each.after is None else _masked(each.after),
            "origin": origin[:60],
            "request_id": request_id(),
            "book": book,
            "seq": seq,
        }
        for seq, each in enumerate(changes, start=first)
    ]
    sealed = [{**entry, "seal": seal_of(entry)} for entry in entries]
    db.session.connection().execute(insert(_log), sealed)


def seal_of(entry: Mapping[str, Any]) -> str:
    """What the entry's seal must be: of every fact it tells and of its place in the book."""
    facts = {name: entry[name] for name in _TOLD} | {"at": entry["at"].astimezone(UTC).isoformat()}
    return _sealed(facts)


def seal_of_book(book: int, entries: int) -> str:
    """What the seal of a book with so many entries must be."""
    return _sealed({"book": book, "entries": entries})


def _next(book: int, count: int) -> int:
    """The number of the first of so many new entries; one row is read, however long the log is.

    Whoever writes into the same book waits here until the other's change is stored or undone, so
    that no number is given twice or lost. Of two first entries at once one meets the key.
    """
    connection = db.session.connection()
    known = connection.scalar(
        select(_books.c.entries).where(_books.c.book == book).with_for_update()
    )
    entries = (known or 0) + count
    values = {"entries": entries, "seal": seal_of_book(book, entries)}
    if known is None:
        connection.execute(insert(_books).values(book=book, **values))
    else:
        connection.execute(update(_books).where(_books.c.book == book).values(**values))
    return entries - count + 1


def _sealed(facts: Mapping[str, object]) -> str:
    told = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hmac.new(purpose_key("audit"), told.encode(), hashlib.sha256).hexdigest()


def mask_phones(text: str) -> str:
    """手机号脱敏 anywhere in a text: 18100004469 → 181****4469, +85291234567 → +852****4567."""
    return _PHONE.sub(r"\1****\2", text)


def _masked(facts: Facts) -> Facts:
    return {
        name: HIDDEN if _SECRET.search(name) and value else _mask(value)
        for name, value in facts.items()
    }


def _mask(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return mask_phones(value)
        case dict():
            return _masked(value)
        case list():
            return [_mask(item) for item in value]
        case _:
            return value


_PHONE = re.compile(r"(?<![\d+])(\+[1-9]\d{0,6}?|1[3-9]\d)\d{4}(\d{4})(?!\d)")
_SECRET = re.compile(
    r"secret|password|token|aes_key|private_key|api_v3_key|credential", re.IGNORECASE
)
