"""待发消息: the row beside the business fact it reports (D-6). One intent per dedupe key."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import JsonValue
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    FromClause,
    String,
    bindparam,
    cast,
    exists,
    insert,
    literal,
    not_,
    select,
    update,
)

from backend import tenancy
from backend.background import wake
from backend.database import RowId, UtcDateTime, changed, db, table_of, transactional
from backend.messaging.models import Intent, IntentState, Purpose

_intents = table_of(Intent)
_COLUMNS = (
    "merchant_id", "member_id", "purpose", "facts", "dedupe_key", "state", "queued_at",
    "not_before", "not_after", "tries", "wave_id", "failure",
)  # fmt: skip


def _new(column: str) -> BindParameter[object]:
    return bindparam(f"new_{column}", type_=_intents.c[column].type)


_IS_KNOWN = exists().where(
    _intents.c.merchant_id == _new("merchant_id"), _intents.c.dedupe_key == _new("dedupe_key")
)
_UNLESS_KNOWN = (
    insert(_intents)
    .from_select(_COLUMNS, select(*map(_new, _COLUMNS)).where(not_(_IS_KNOWN)))
    .returning(_intents.c.id)
)
"""Look and write at one stroke; two who write the same at once meet on the unique key."""

THROUGH = "app_id"
"""The fact that names the app a message should leave through."""

USEFUL = timedelta(hours=24)
"""How long a message is worth sending unless its purpose says otherwise."""

LONGEST = timedelta(days=30)
"""How long one about something without an end is."""


@transactional
def queue(
    member_id: int,
    purpose: Purpose,
    facts: Mapping[str, JsonValue],
    *,
    dedupe_key: str,
    through: str = "",
    now: datetime,
    lasts: timedelta = USEFUL,
) -> int | None:
    """Write the message beside its fact; it leaves once that fact is stored.

    ``facts`` are the data names of spec/09 (``title``, ``valid_to``, ``count`` …). ``through``: the
    app whose message it is, a mall's account (S1-16, S1-24); the others stand in only for people
    whom it cannot reach. Answers the intent's id, or None when this dedupe key was used before.
    """
    said = {**facts, THROUGH: through} if through else dict(facts)
    values = (
        tenancy.merchant_id(), member_id, purpose.value, said, dedupe_key,
        IntentState.DUE.value, now, now, now + lasts, 0, None, "",
    )  # fmt: skip
    named = {f"new_{column}": value for column, value in zip(_COLUMNS, values, strict=True)}
    intent_id: int | None = db.session.connection().scalar(_UNLESS_KNOWN, named)
    if intent_id is not None:
        wake("jobs.deliveries.tick")
    return intent_id


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
    key: ColumnElement[str] = (
        people.c.dedupe_key
        if "dedupe_key" in people.c
        else literal(f"wave-{wave_id}-") + cast(people.c.member_id, String(20))
    )
    rows = select(
        literal(merchant_id),
        people.c.member_id,
        literal(purpose.value),
        literal(dict(facts), _intents.c.facts.type),
        key,
        literal(IntentState.DUE.value),
        literal(now, UtcDateTime()),
        literal(now, UtcDateTime()),
        literal(now + lasts, UtcDateTime()),
        literal(0),
        literal(wave_id, RowId),
        literal(""),
    )
    return changed(insert(_intents).from_select(_COLUMNS, rows))


def hand_over(joined_id: int, kept_id: int) -> None:
    """合并: messages are the survivor's, sent or not."""
    changed(
        update(_intents)
        .where(tenancy.owner(_intents) == tenancy.merchant_id(), _intents.c.member_id == joined_id)
        .values(member_id=kept_id)
    )
