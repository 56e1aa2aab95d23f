"""渠道打开: what makes a person reachable wakes the notices that waited for it (spec/06).

Nobody looks again and again at those who cannot be reached: a follow, a word to the account, a
consent, a join, a phone sets free that person's own rows, found by member and state.
"""

from collections.abc import Collection

from sqlalchemy import select, update

from backend import tenancy
from backend.background import wake
from backend.database import changed, db, table_of, transactional
from backend.members.models import Identity, Member
from backend.messaging.models import Intent, IntentState

_intents, _members = table_of(Intent), table_of(Member)
_OF_SEVERAL = "one person of a shared app is a member of several merchants"


@transactional
@tenancy.across_merchants(_OF_SEVERAL)
def opened(member_ids: Collection[int]) -> int:
    """A road to these members has opened: what waited is due; how many.

    Called before or after the fact in its own transaction. The members' rows are held, so that a
    dispatcher who finds no road at this moment looks again when the fact is stored.
    """
    hold(member_ids)
    woken = changed(
        update(_intents)
        .where(_intents.c.member_id.in_(member_ids), _intents.c.state == IntentState.UNREACHABLE)
        .values(state=IntentState.DUE.value, retry_at=None, failure="")
    )
    if woken:
        wake("jobs.deliveries.tick")
    return woken


@tenancy.across_merchants(_OF_SEVERAL)
def opened_to(wechat_user_id: int) -> int:
    """The same for everybody whom this WeChat user is, at every merchant."""
    member_ids = db.session.scalars(
        select(Identity.member_id).where(Identity.wechat_user_id == wechat_user_id)
    ).all()
    return opened(member_ids) if member_ids else 0


@tenancy.across_merchants(_OF_SEVERAL)
def hold(member_ids: Collection[int]) -> None:
    """Nobody else decides how these members are reached until we commit."""
    db.session.connection().execute(
        select(_members.c.id)
        .where(_members.c.id.in_(member_ids))
        .order_by(_members.c.id)
        .with_for_update(key_share=True)
    )
