"""待发消息: the row beside the business fact it reports (D-6). One intent per dedupe key."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pydantic import JsonValue
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Insert,
    Select,
    String,
    bindparam,
    cast,
    exists,
    insert,
    literal,
    not_,
    select,
    union_all,
    update,
)

from backend import tenancy
from backend.background import wake
from backend.database import RowId, UtcDateTime, at_the_end, changed, table_of, transactional
from backend.messaging.models import Intent, IntentState, Purpose

_intents = table_of(Intent)
_COLUMNS = (
    "merchant_id", "member_id", "purpose", "facts", "dedupe_key", "state", "queued_at",
    "not_before", "not_after", "tries", "wave_id", "failure",
)  # fmt: skip


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
) -> None:
    """Write the message beside its fact; it leaves once that fact is stored.

    ``facts`` are the data names of spec/09 (``title``, ``valid_to``, ``count`` …). ``through``: the
    app whose message it is, a mall's account (S1-16, S1-24); the others stand in only for people
    whom it cannot reach. A dedupe key that was used before queues nothing. All messages of a
    transaction are written in one statement at its end.
    """
    said = {**facts, THROUGH: through} if through else dict(facts)
    values = (
        tenancy.merchant_id(), member_id, purpose.value, said, dedupe_key,
        IntentState.DUE.value, now, now, now + lasts, 0, None, "",
    )  # fmt: skip
    at_the_end(_write).append(dict(zip(_COLUMNS, values, strict=True)))


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
    for message in at_the_end(_write):
        if message["member_id"] == joined_id:
            message["member_id"] = kept_id
    changed(
        update(_intents)
        .where(tenancy.owner(_intents) == tenancy.merchant_id(), _intents.c.member_id == joined_id)
        .values(member_id=kept_id)
    )


def _write(messages: list[dict[str, object]]) -> None:
    single: dict[tuple[object, object], dict[str, object]] = {}
    for each in messages:
        single.setdefault((each["merchant_id"], each["dedupe_key"]), each)
    values = {
        f"{name}_{place}": value
        for place, row in enumerate(single.values())
        for name, value in row.items()
    }
    if changed(_unless_known(len(single)), values):
        wake("jobs.deliveries.tick")


@cache
def _unless_known(count: int) -> Insert:
    """Look and write at one stroke; two who write the same at once meet on the unique key."""
    return insert(_intents).from_select(_COLUMNS, union_all(*map(_if_new, range(count))))


def _if_new(place: int) -> Select[Any]:
    new = {name: bindparam(f"{name}_{place}", type_=_intents.c[name].type) for name in _COLUMNS}
    is_known = exists().where(
        _intents.c.merchant_id == new["merchant_id"], _intents.c.dedupe_key == new["dedupe_key"]
    )
    return select(*new.values()).where(not_(is_known))
