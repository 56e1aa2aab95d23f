"""操作日志. Who changed what, before and after, from where; written once, never changed.

Phones and secrets are masked before they are stored: the log may be read by more people than what
it tells of.
"""

import re
from datetime import datetime

from pydantic import JsonValue

from backend.database import db, transaction
from backend.merchants.models import AuditEntry
from backend.requesting import request_id

Facts = dict[str, JsonValue]
HIDDEN = "***"


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
    with transaction():
        db.session.add(
            AuditEntry(
                merchant_id=merchant_id,
                at=now,
                actor=mask_phones(actor)[:80],
                action=action,
                subject=mask_phones(subject)[:80],
                before=None if before is None else _masked(before),
                after=None if after is None else _masked(after),
                origin=origin[:60],
                request_id=request_id(),
            )
        )


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
