"""恢复后暂停的消息: what was due when a backup was made may have gone since; a person decides."""

from sqlalchemy import ColumnElement, func, select, update

from backend import tenancy
from backend.database import changed, db, table_of, transactional
from backend.messaging.models import Intent, IntentState

MAYBE_SENT = "恢复备份后暂停：可能已经发出"

_OF_ALL = "a backup holds every merchant"

_intents = table_of(Intent)


@transactional
@tenancy.across_merchants(_OF_ALL)
def hold_due() -> int:
    """After a restore: hold what waits, and leave as unknown what was under way; how many."""
    held = changed(
        update(_intents)
        .where(_intents.c.state.in_((IntentState.DUE, IntentState.UNREACHABLE)))
        .values(
            state=IntentState.HELD.value, failure=MAYBE_SENT, claim_token=None, lease_until=None
        )
    )
    lost = changed(
        update(_intents)
        .where(_intents.c.state == IntentState.SENDING)
        .values(state=IntentState.UNKNOWN.value, failure=MAYBE_SENT, claim_token=None)
    )
    return held + lost


@tenancy.across_merchants(_OF_ALL)
def held(merchant_id: int | None = None) -> dict[str, int]:
    """How many wait for a person, by purpose; of all merchants or of one."""
    rows = db.session.connection().execute(
        select(_intents.c.purpose, func.count().label("messages"))
        .where(*_held(merchant_id))
        .group_by(_intents.c.purpose)
        .order_by(_intents.c.purpose)
    )
    return {row.purpose: row.messages for row in rows}


@transactional
@tenancy.across_merchants(_OF_ALL)
def release(merchant_id: int | None = None) -> int:
    """Send them after all; what is too late by now expires. How many."""
    return changed(
        update(_intents)
        .where(*_held(merchant_id))
        .values(state=IntentState.DUE.value, failure="", retry_at=None)
    )


@transactional
@tenancy.across_merchants(_OF_ALL)
def drop(merchant_id: int | None = None) -> int:
    """Never send them; how many."""
    return changed(
        update(_intents)
        .where(*_held(merchant_id))
        .values(state=IntentState.EXPIRED.value, failure="恢复备份后由人放弃")
    )


def _held(merchant_id: int | None) -> tuple[ColumnElement[bool], ...]:
    ours = () if merchant_id is None else (_intents.c.merchant_id == merchant_id,)
    return _intents.c.state == IntentState.HELD, *ours
