"""发送: one message, once. The row and its consent are taken in one transaction, the call is made
outside of any, what came of it is recorded in another.

At most once by itself: a lease that was taken over records nothing, and a message whose answer is
lost is ``unknown`` (D-6, F-19).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from backend import clock, faults, tenancy
from backend.database import changed, db, table_of, transaction, transactional
from backend.leases import Lease, pause_after
from backend.merchants.models import Merchant
from backend.messaging import leases, letters, roads
from backend.messaging.channels import CHANNELS
from backend.messaging.channels.channel import Letter, MessageChannel
from backend.messaging.models import MARKETING, Attempt, Intent, IntentState, Outcome, Purpose
from backend.messaging.policy import NO_CHANNEL
from backend.wechat.notices import Sent

_intents, _attempts = table_of(Intent), table_of(Attempt)


def deliver(lease: Lease, *, now: datetime) -> IntentState | None:
    """Send what the lease is for; its state afterwards, None when somebody took it over."""
    with tenancy.acting_for(lease.merchant_id):
        try:
            step = _begin(lease, now)
            while isinstance(step, _Underway):
                faults.point("outbox.claimed")
                sent = step.channel.send(step.letters[0], key=f"intent-{lease.row_id}")
                faults.point("outbox.sent")
                step = _record(step, sent, now=now)
                faults.point("outbox.recorded")
        except _TakenOver:
            return None
        return step


class _TakenOver(Exception):
    """The row is no longer this lease's; whatever this step wrote is undone."""


@dataclass(frozen=True)
class _Underway:
    """The row says ``sending``: the first letter may go out, the others stand by."""

    lease: Lease
    purpose: Purpose
    tries: int
    letters: tuple[Letter, ...]

    @property
    def channel(self) -> MessageChannel:
        """By which the first letter goes."""
        return CHANNELS[self.letters[0].channel]

    @property
    def cause(self) -> str:
        """How the ledger of consents names this try."""
        return f"intent-{self.lease.row_id}-{self.tries}"


def _begin(lease: Lease, now: datetime) -> _Underway | IntentState:
    """The rules, then the row. Marketing to one member takes turns, so that the cap holds; and
    before a notice is left waiting it is looked at once more, with the member's row in hand."""
    asked = select(_intents).where(leases.messages.held(lease), _intents.c.state == IntentState.DUE)
    intent = db.session.connection().execute(asked).one_or_none()
    if intent is None:
        raise _TakenOver
    purpose = Purpose(intent.purpose)
    if purpose not in MARKETING and (step := _weighed(lease, intent, purpose, now)):
        return step
    with transaction():
        roads.hold([intent.member_id])
        return _weighed(lease, intent, purpose, now) or _leave(
            lease, _without_road(purpose), failure=NO_CHANNEL
        )


def _weighed(
    lease: Lease, intent: Row[*tuple[Any, ...]], purpose: Purpose, now: datetime
) -> _Underway | IntentState | None:
    """What the rules say of it now; None: no road is open."""
    merchant = db.session.scalars(select(Merchant).where(Merchant.id == lease.merchant_id)).one()
    written = letters.write(
        intent.member_id,
        purpose,
        intent.facts,
        merchant=merchant,
        queued_at=intent.queued_at,
        now=now,
    )
    if written.hold_until:
        return _leave(lease, IntentState.DUE, not_before=written.hold_until)
    if written.reason and written.reason != NO_CHANNEL:
        return _leave(lease, IntentState.FAILED, failure=written.reason)
    work = _Underway(lease, purpose, intent.tries, written.letters)
    return _first_that_may_go(work, before=IntentState.DUE, now=now)


def _without_road(purpose: Purpose) -> IntentState:
    """A notice waits for the person; nobody waits for marketing."""
    return IntentState.FAILED if purpose in MARKETING else IntentState.UNREACHABLE


@transactional
def _first_that_may_go(work: _Underway, *, before: IntentState, now: datetime) -> _Underway | None:
    """Take the first letter in hand whose consent is there."""
    ready = work.letters
    while ready and not CHANNELS[ready[0].channel].take(ready[0], cause=work.cause, now=now):
        ready = ready[1:]
    if not ready:
        return None
    _move(
        work.lease,
        before,
        state=IntentState.SENDING.value,
        channel=ready[0].channel.value,
        sent_at=now,
        lease_until=clock.machine_now() + leases.length(),
    )
    return replace(work, letters=ready)


@transactional
def _record(work: _Underway, sent: Sent, *, now: datetime) -> _Underway | IntentState:
    """What came of the first letter, and what follows from it."""
    letter, outcome = work.letters[0], Outcome(sent.outcome)
    failure = f"{sent.code} {sent.answer}".strip()[:200]
    step = _after(work, outcome, sent.retry_at, failure, now)
    work.channel.settle(letter, outcome, sent.code, cause=work.cause, now=now)
    changed(
        insert(_attempts).values(
            merchant_id=work.lease.merchant_id,
            intent_id=work.lease.row_id,
            channel=letter.channel.value,
            app_id=letter.address.app_id,
            at=now,
            outcome=outcome.value,
            code=sent.code,
            answer=sent.answer,
            provider_id=sent.provider_id,
            receipt="",
        )
    )
    return step


def _after(
    work: _Underway, outcome: Outcome, retry_at: datetime | None, failure: str, now: datetime
) -> _Underway | IntentState:
    lease, sending = work.lease, IntentState.SENDING
    match outcome:
        case Outcome.ACCEPTED:
            _move(lease, sending, state=IntentState.SENT.value, claim_token=None, failure="")
            return IntentState.SENT
        case Outcome.UNKNOWN:
            _move(
                lease,
                sending,
                state=IntentState.UNKNOWN.value,
                claim_token=None,
                failure=failure,
            )
            return IntentState.UNKNOWN
        case Outcome.REFUSED:
            return _leave(lease, IntentState.FAILED, before=sending, failure=failure)
        case Outcome.RETRY:
            tries = work.tries + 1
            pause = clock.machine_now() + pause_after(tries, leases.PAUSES)
            return _leave(
                lease,
                IntentState.DUE,
                before=sending,
                tries=tries,
                retry_at=retry_at or pause,
                failure=failure,
            )
        case Outcome.UNREACHABLE:
            rest = replace(work, letters=work.letters[1:])
            return _first_that_may_go(rest, before=sending, now=now) or _leave(
                lease, _without_road(work.purpose), before=sending, failure=failure
            )


@transactional
def _leave(
    lease: Lease,
    state: IntentState,
    *,
    before: IntentState = IntentState.DUE,
    **values: str | int | datetime,
) -> IntentState:
    """Give the row back: it waits, or it is over without having been sent."""
    _move(
        lease,
        before,
        state=state.value,
        claim_token=None,
        lease_until=None,
        sent_at=None,
        **values,
    )
    return state


def _move(lease: Lease, before: IntentState, **values: str | int | datetime | None) -> None:
    if not changed(
        update(_intents)
        .where(leases.messages.held(lease), _intents.c.state == before)
        .values(**values)
    ):
        raise _TakenOver
