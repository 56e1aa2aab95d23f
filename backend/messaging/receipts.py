"""送达回执: what WeChat says later about a message it took (TEMPLATESENDJOBFINISH,
subscribe_msg_sent_event). Repeats and strangers change nothing."""

from datetime import datetime, timedelta

from sqlalchemy import Row, exists, insert, or_, select, update

from backend import tenancy
from backend.database import changed, db, table_of, transactional
from backend.members.models import Identity, Member, WechatUser
from backend.messaging.channels import through
from backend.messaging.models import Attempt, Intent, IntentState, Outcome
from backend.wechat import accounts

SETTLES_WITHIN = timedelta(minutes=10)
"""A receipt of no known message explains an unknown one sent so shortly before (D-6)."""

_attempts, _intents = table_of(Attempt), table_of(Intent)
_identities, _users, _members = table_of(Identity), table_of(WechatUser), table_of(Member)


@transactional
@tenancy.across_merchants("a receipt names no merchant")
def note(app_id: str, provider_id: str, status: str, *, openid: str, now: datetime) -> bool:
    """Keep the receipt with its try; a failure shows on the message. Whether a message was found.

    ``status`` is ``success`` or ``failed:…``. Where the answer to the send was lost, the person
    and the time tell which message it was, if there is only one.
    """
    tried = (
        db.session.connection()
        .execute(
            select(_attempts.c.id, _attempts.c.merchant_id, _attempts.c.intent_id).where(
                _attempts.c.app_id == app_id, _attempts.c.provider_id == provider_id
            )
        )
        .first()
    )
    if tried is not None:
        changed(update(_attempts).where(_attempts.c.id == tried.id).values(receipt=status[:60]))
        _show(tried.merchant_id, tried.intent_id, status)
        return True
    lost = _the_one_unknown(app_id, openid, now)
    if lost is None:
        return False
    changed(
        insert(_attempts).values(
            merchant_id=lost.merchant_id,
            intent_id=lost.id,
            channel=lost.channel,
            app_id=app_id,
            at=now,
            outcome=Outcome.ACCEPTED.value,
            code="",
            answer="",
            provider_id=provider_id,
            receipt=status[:60],
        )
    )
    changed(
        update(_intents)
        .where(_intents.c.id == lost.id, _intents.c.state == IntentState.UNKNOWN)
        .values(state=IntentState.SENT.value, failure="")
    )
    _show(lost.merchant_id, lost.id, status)
    return True


def _show(merchant_id: int, intent_id: int, status: str) -> None:
    if status.strip().lower() == "success":
        return
    changed(
        update(_intents)
        .where(_intents.c.merchant_id == merchant_id, _intents.c.id == intent_id)
        .values(failure=f"未送达 {status}"[:200])
    )


def _the_one_unknown(
    app_id: str, openid: str, now: datetime
) -> Row[int, int, str | None, str] | None:
    """The only message to this person that may be meant; none while another is on its way."""
    channel = through(accounts.app_by_id(app_id).kind, by_template=True).channel
    holder = _members.alias()
    person = (
        exists()
        .where(
            _users.c.app_id == app_id,
            _users.c.openid == openid,
            _identities.c.wechat_user_id == _users.c.id,
            _identities.c.merchant_id == _intents.c.merchant_id,
            holder.c.id == _intents.c.member_id,
            or_(
                holder.c.id == _identities.c.member_id,
                holder.c.alias_of_id == _identities.c.member_id,
            ),
        )
        .correlate(_intents)
    )
    rows = (
        db.session.connection()
        .execute(
            select(_intents.c.id, _intents.c.merchant_id, _intents.c.channel, _intents.c.state)
            .where(
                person,
                _intents.c.state.in_((IntentState.UNKNOWN, IntentState.SENDING)),
                _intents.c.channel == channel,
                _intents.c.sent_at > now - SETTLES_WITHIN,
            )
            .limit(2)
        )
        .all()
    )
    return rows[0] if len(rows) == 1 and rows[0].state == IntentState.UNKNOWN else None
