"""离线补传未入账: bills sent later that could not be entered, kept until somebody saw to them."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import insert, update

from backend import tenancy
from backend.database import changed, db, table_of, transactional
from backend.errors import DomainError
from backend.merchants.queries import Place
from backend.sales import models
from backend.sales.errors import BillConflict

_refused = table_of(models.RefusedBill)

Content = Mapping[str, JsonValue]


@transactional
def keep(
    number: str, content: Content, *, refusal: DomainError, here: Place, now: datetime
) -> None:
    """Once per content; sent again, the reason is the latest one."""
    known_as = {
        "merchant_id": tenancy.merchant_id(),
        "store_id": here.store_id,
        "number": number[:64],
        "fingerprint": _fingerprint(content),
    }
    reason = {"code": refusal.code, "message": _words(refusal)}
    same = [_refused.c[name] == value for name, value in known_as.items()]
    if changed(update(_refused).where(*same).values(reason)):
        return
    db.session.connection().execute(
        insert(_refused).values(
            **known_as,
            **reason,
            content=dict(content),
            received_at=now,
            handled_by="",
            note="",
        )
    )


@transactional
def entered(number: str, *, here: Place, now: datetime) -> None:
    """入账. What was refused under this number is settled after all; a bill that said something
    else than the settled one stays."""
    changed(
        update(_refused)
        .where(
            _refused.c.merchant_id == tenancy.merchant_id(),
            _refused.c.store_id == here.store_id,
            _refused.c.number == number,
            _refused.c.entered_at.is_(None),
            _refused.c.code != BillConflict.code,
        )
        .values(entered_at=now)
    )


@transactional
def handle(refused_id: int, *, note: str, by: str, now: datetime) -> bool:
    """已处理, once, with what was done about it; False: it was before, or entered meanwhile."""
    return bool(
        changed(
            update(_refused)
            .where(
                _refused.c.merchant_id == tenancy.merchant_id(),
                _refused.c.id == refused_id,
                _refused.c.handled_at.is_(None),
                _refused.c.entered_at.is_(None),
            )
            .values(handled_at=now, handled_by=by[:80], note=note)
        )
    )


def _fingerprint(content: Content) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _words(refusal: DomainError) -> str:
    """The reason as the desk shows it, the wrong fields by name."""
    fields = refusal.detail.get("errors")
    said = [refusal.message]
    if isinstance(fields, list):
        said += [f"{each['field']} {each['message']}" for each in fields if isinstance(each, dict)]
    return "；".join(said)[:300]
