"""订阅授权 (R-16): a ledger of what each WeChat user has accepted; one consent, one message.

The phone and WeChat's push report the same tap: reports of the two roads within a minute are
paired, so that one acceptance counts once.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import insert, select, update

from backend.database import changed, db, table_of, transactional
from backend.messaging import roads
from backend.messaging.models import Consent, ConsentEntry

PAIRED_WITHIN = timedelta(seconds=60)

_consents = table_of(Consent)
_entries = table_of(ConsentEntry)


class Road(StrEnum):
    """Which way a report came."""

    CLIENT = "client"
    PUSH = "push"


@transactional
def report(
    wechat_user_id: int, results: Mapping[str, str], *, road: Road, cause: str, now: datetime
) -> None:
    """What the person chose in the dialog: template id → accept, reject, ban, filter.

    ``cause`` names the report, so that a repeat of it changes nothing.
    """
    if any(choice.startswith("accept") for choice in results.values()):
        roads.opened_to(wechat_user_id)
    for template_id, choice in results.items():
        if choice.startswith("accept"):
            _accept(_account(wechat_user_id, template_id), road, cause, now)
        elif choice == "ban":
            _clear(_account(wechat_user_id, template_id), f"ban:{road}:{cause}", now, banned=True)


def take(wechat_user_id: int, template_id: str, *, cause: str, now: datetime) -> bool:
    """Use one consent up for the message ``cause``; False when none is left."""
    account = _account(wechat_user_id, template_id)
    used = changed(
        update(_consents)
        .where(_consents.c.id == account, _consents.c.remaining > 0)
        .values(remaining=_consents.c.remaining - 1)
    )
    if used:
        _write(account, -1, cause, now)
    return bool(used)


@transactional
def give_back(wechat_user_id: int, template_id: str, *, cause: str, now: datetime) -> None:
    """The message was surely not sent: its consent stands again."""
    account = _account(wechat_user_id, template_id)
    changed(
        update(_consents)
        .where(_consents.c.id == account)
        .values(remaining=_consents.c.remaining + 1)
    )
    _write(account, 1, cause, now)


@transactional
def none_left(wechat_user_id: int, template_id: str, *, cause: str, now: datetime) -> None:
    """WeChat answered 43101: whatever we thought, nothing is left."""
    _clear(_account(wechat_user_id, template_id), cause, now, banned=False)


def _account(wechat_user_id: int, template_id: str) -> int:
    """The balance's row, held until we commit: reports and sends of one person take turns."""
    wanted = (
        select(_consents.c.id)
        .where(_consents.c.wechat_user_id == wechat_user_id, _consents.c.template_id == template_id)
        .with_for_update()
    )
    connection = db.session.connection()
    if (found := connection.scalar(wanted)) is not None:
        return int(found)
    made = insert(_consents).values(
        wechat_user_id=wechat_user_id, template_id=template_id, remaining=0, banned=False
    )
    (key,) = connection.execute(made).inserted_primary_key or (0,)
    return int(key)


def _accept(account: int, road: Road, cause: str, now: datetime) -> None:
    name = f"{road}:{cause}"[:80]
    if _is_written(account, name):
        return
    change = 0 if _waits_for_its_pair(account, road, now) else 1
    changed(
        update(_consents)
        .where(_consents.c.id == account)
        .values(remaining=_consents.c.remaining + change, banned=False)
    )
    _write(account, change, name, now)


def _waits_for_its_pair(account: int, road: Road, now: datetime) -> bool:
    """Whether the other road reported an acceptance lately that this one has not reported yet.

    The entries of two minutes tell: each that changed nothing has paired the oldest of the other
    road's before it.
    """
    rows = db.session.connection().execute(
        select(_entries.c.cause, _entries.c.change, _entries.c.at)
        .where(_entries.c.consent_id == account, _entries.c.at > now - 2 * PAIRED_WITHIN)
        .order_by(_entries.c.id)
    )
    alone: dict[Road, list[datetime]] = {Road.CLIENT: [], Road.PUSH: []}
    for cause, change, at in rows:
        reported = next((r for r in Road if cause.startswith(f"{r}:")), None)
        if reported is None:
            continue
        if change == 1:
            alone[reported].append(at)
        elif change == 0 and alone[_other(reported)]:
            alone[_other(reported)].pop(0)
    return any(at > now - PAIRED_WITHIN for at in alone[_other(road)])


def _other(road: Road) -> Road:
    return Road.PUSH if road is Road.CLIENT else Road.CLIENT


def _clear(account: int, cause: str, now: datetime, *, banned: bool) -> None:
    if _is_written(account, cause):
        return
    left = db.session.connection().scalar(
        select(_consents.c.remaining).where(_consents.c.id == account)
    )
    changed(update(_consents).where(_consents.c.id == account).values(remaining=0, banned=banned))
    if left or banned:
        _write(account, -(left or 0), cause, now)


def _is_written(account: int, cause: str) -> bool:
    known = select(_entries.c.id).where(
        _entries.c.consent_id == account, _entries.c.cause == cause[:80]
    )
    return db.session.connection().execute(known).first() is not None


def _write(account: int, change: int, cause: str, now: datetime) -> None:
    remaining = select(_consents.c.remaining).where(_consents.c.id == account).scalar_subquery()
    changed(
        insert(_entries).values(
            consent_id=account, change=change, remaining=remaining, cause=cause[:80], at=now
        )
    )
