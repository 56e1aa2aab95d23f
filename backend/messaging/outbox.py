"""待发消息: the row beside the business fact it reports (D-6). One intent per dedupe key."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import JsonValue
from sqlalchemy import (
    ColumnElement,
    FromClause,
    String,
    cast,
    insert,
    literal,
    select,
)

from backend import tenancy
from backend.background import enqueue
from backend.database import RowId, UtcDateTime, changed, db, table_of, transactional
from backend.messaging.models import Intent, IntentState, Purpose

USEFUL = timedelta(hours=24)
"""How long a message is worth sending unless its purpose says otherwise."""


@transactional
def queue(
    member_id: int,
    purpose: Purpose,
    facts: Mapping[str, JsonValue],
    *,
    dedupe_key: str,
    now: datetime,
    lasts: timedelta = USEFUL,
) -> int | None:
    """Write the message beside its fact; it leaves once that fact is stored.

    ``facts`` are the data names of spec/09 (``title``, ``valid_to``, ``count`` …). Answers the
    intent's id, or None when this dedupe key was used before.
    """
    intent = table_of(Intent)
    known = select(intent.c.id).where(
        intent.c.merchant_id == tenancy.merchant_id(), intent.c.dedupe_key == dedupe_key
    )
    if db.session.connection().execute(known).first():
        return None
    row = Intent(
        member_id=member_id,
        purpose=purpose,
        facts=dict(facts),
        dedupe_key=dedupe_key,
        queued_at=now,
        not_before=now,
        not_after=now + lasts,
    )
    db.session.add(row)
    db.session.flush()
    enqueue("jobs.deliveries.deliver", row.id)
    return row.id


def queue_for_crowd(
    people: FromClause,
    purpose: Purpose,
    facts: Mapping[str, JsonValue],
    *,
    wave_id: int | None = None,
    now: datetime,
    lasts: timedelta = USEFUL,
) -> int:
    """One message for each row of ``people`` (column ``member_id``), in one statement.

    The same facts for all of them. The dedupe key is spelt from the wave and the member unless
    ``people`` brings a column ``dedupe_key``. Answers how many were written. Who calls it keeps
    them single; the tick sends them.
    """
    merchant_id = tenancy.merchant_id()
    intent = table_of(Intent)
    key: ColumnElement[str] = (
        people.c.dedupe_key
        if "dedupe_key" in people.c
        else literal(f"wave-{wave_id}-") + cast(people.c.member_id, String(20))
    )
    rows = select(
        literal(merchant_id),
        people.c.member_id,
        literal(purpose.value),
        literal(dict(facts), intent.c.facts.type),
        key,
        literal(IntentState.DUE.value),
        literal(now, UtcDateTime()),
        literal(now, UtcDateTime()),
        literal(now + lasts, UtcDateTime()),
        literal(0),
        literal(wave_id, RowId),
        literal(""),
    )
    columns = (
        "merchant_id", "member_id", "purpose", "facts", "dedupe_key", "state", "queued_at",
        "not_before", "not_after", "tries", "wave_id", "failure",
    )  # fmt: skip
    return changed(insert(intent).from_select(columns, rows))
