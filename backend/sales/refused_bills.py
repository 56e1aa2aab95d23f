"""离线补传未入账: bills sent later that could not be entered, kept until somebody saw to them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import ColumnElement, and_, exists, insert, select, update

from backend import tenancy
from backend.database import changed, db, table_of, transactional
from backend.errors import DomainError
from backend.merchants.queries import Place
from backend.sales import models
from backend.sales.errors import BillConflict

_refused, _bills = table_of(models.RefusedBill), table_of(models.Bill)
_SETTLED_SINCE = and_(
    _refused.c.code != BillConflict.code,
    _bills.c.store_id == _refused.c.store_id,
    _bills.c.number == _refused.c.number,
    _bills.c.recorded_at >= _refused.c.received_at,
)

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


def is_entered() -> ColumnElement[bool]:
    """已入账, as an expression over the refused: settled since under this number, at the till or
    sent again. A bill that says something else than the settled one is not."""
    return exists().where(_SETTLED_SINCE)


def entered_at(refused_ids: Sequence[int]) -> dict[int, datetime]:
    """入账时间 of those that were entered after all."""
    rows = db.session.connection().execute(
        select(_refused.c.id, _bills.c.recorded_at)
        .join(_bills, _SETTLED_SINCE)
        .where(_refused.c.merchant_id == tenancy.merchant_id(), _refused.c.id.in_(refused_ids))
    )
    return {row.id: row.recorded_at for row in rows}


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
                ~is_entered(),
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
