"""判官: what came of it, told by the database and by the delivery log of the WeChat platform.

The two know nothing of each other, and the platform forgets no send.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, func, select

from backend.campaigns.models import Grant, Wave, WaveState
from backend.coupons.models import Coupon
from backend.database import table_of
from backend.members.models import Identity, Member, WechatUser
from backend.messaging.dispatch import THREADS
from backend.messaging.models import Consent, Intent, IntentState
from tests.faults.crowd import CONSENTS
from tests.faults.deployment import MINI, Deployment
from tests.patience import until

PIECES = 2

Id = ColumnElement[int]

_members, _grants, _coupons = table_of(Member), table_of(Grant), table_of(Coupon)
_intents, _waves = table_of(Intent), table_of(Wave)
_users, _identities, _consents = table_of(WechatUser), table_of(Identity), table_of(Consent)
_of_wave = _intents.c.wave_id.is_not(None)


@dataclass(frozen=True)
class Progress:
    """How far it is."""

    granted: int
    delivered: int
    waiting: int
    done: bool


def progress(deployment: Deployment) -> Progress:
    """How far the wave and its messages are."""
    with deployment.engine.connect() as connection:
        waiting = _intents.c.state.in_((IntentState.DUE, IntentState.SENDING))
        return Progress(
            granted=_count(connection, _grants.c.id, _grants.c.wave_id.is_not(None)),
            delivered=sum(delivered(deployment.platform).values()),
            waiting=_count(connection, _intents.c.id, waiting, _of_wave),
            done=list(connection.scalars(select(_waves.c.state))) == [WaveState.DONE],
        )


def delivered(platform: Path) -> Counter[str]:
    """Messages the platform accepted, by openid."""
    with sqlite3.connect(f"file:{platform}?mode=ro", uri=True) as log:
        rows = log.execute(
            "SELECT openid, count(*) FROM message"
            " WHERE channel IN ('template', 'subscribe', 'custom', 'mass') GROUP BY openid"
        ).fetchall()
    log.close()
    return Counter(dict(rows))


def doubles(sent: Counter[str]) -> list[str]:
    """Who got more than one message."""
    return sorted(openid for openid, times in sent.items() if times > 1)


def wait_until_quiet(deployment: Deployment) -> float:
    """Until the wave is done and no message waits or is under way."""

    def is_quiet() -> bool:
        now = progress(deployment)
        return now.done and not now.waiting

    return until(is_quiet, what="the wave and its messages are done")


def assert_exactly_once(deployment: Deployment, *, kills: int = 0) -> None:
    """Everybody has their grant and coupons once, nobody two messages, everybody is accounted for.

    A killed process may leave as many messages ``unknown`` as it sends at a time, not one more.
    """
    with deployment.engine.connect() as connection:
        guests = _members.c.nickname.startswith("guest-")
        everybody = set(connection.scalars(select(_members.c.id).where(guests)))
        of_guests = _grants.c.member_id.in_(everybody)
        granted = set(connection.scalars(select(_grants.c.id).where(of_guests)))
        grants = _times(connection, _grants.c.member_id, of_guests)
        coupons = _times(connection, _coupons.c.grant_id, _coupons.c.grant_id.in_(granted))
        intents = _times(connection, _intents.c.member_id, _of_wave)
        told = connection.execute(
            select(_users.c.openid, _intents.c.state, _consents.c.remaining)
            .join(_identities, _identities.c.wechat_user_id == _users.c.id)
            .join(_intents, _intents.c.member_id == _identities.c.member_id)
            .join(_consents, _consents.c.wechat_user_id == _users.c.id)
            .where(_users.c.app_id == MINI, _of_wave)
        ).all()
    sent = delivered(deployment.platform)
    states = Counter(row.state for row in told)
    assert grants == Counter(everybody), "one grant for everybody"
    assert coupons == Counter(dict.fromkeys(granted, PIECES)), "all coupons of every grant"
    assert intents == Counter(everybody), "one message for everybody"
    assert doubles(sent) == [], "nobody gets two messages"
    assert set(states) <= {IntentState.SENT, IntentState.UNKNOWN}, states
    assert states[IntentState.UNKNOWN] <= kills * THREADS, f"{states} after {kills} kills"
    assert {row.openid for row in told if row.state == IntentState.SENT} <= set(sent)
    assert {row.remaining for row in told} == {CONSENTS - 1}, "a message takes one consent"
    checked = deployment.flask("doctor")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _count(connection: Connection, ids: Id, *conditions: ColumnElement[bool]) -> int:
    return int(connection.scalar(select(func.count(ids)).where(*conditions)) or 0)


def _times(connection: Connection, ids: Id, *conditions: ColumnElement[bool]) -> Counter[int]:
    """How often each id stands there."""
    rows = connection.execute(select(ids, func.count()).where(*conditions).group_by(ids))
    return Counter({row[0]: row[1] for row in rows})
