"""买家: which member bought a voucher, as the mall says; whoever is new becomes one.

By WeChat identity at the mall's account, by unionid, by phone, in this order. Two members whom the
mall calls one person are not joined: its word proves nobody's phone. A stranger's identity goes to
the member of the phone, though: it was nobody's before.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backend.database import db
from backend.malls.shops import Shop
from backend.members import queries, recognise
from backend.members.models import Member
from backend.membership.join import join, join_same_person

CHANNEL = "mall"


@dataclass(frozen=True)
class Buyer:
    """Who paid, as far as the mall knows; ``phone`` in its canonical spelling."""

    phone: str | None = None
    unionid: str | None = None
    openid: str | None = None


def member_of(buyer: Buyer, *, shop: Shop, now: datetime) -> int:
    """The buyer's member id."""
    holder = _of_phone(buyer.phone)
    if buyer.openid is not None:
        came = recognise.by_wechat(
            shop.app_id or f"mall-{shop.key}",
            buyer.openid,
            buyer.unionid,
            channel=CHANNEL,
            store_id=shop.store_id,
            now=now,
        )
        member = join_same_person(came, now=now).member
        if came.is_new and holder is not None:
            return join(holder, member.id, now=now)
        return _with_phone(member, buyer.phone, holder)
    known = recognise.by_unionid(buyer.unionid) if buyer.unionid else None
    if known is not None:
        return _with_phone(queries.survivor(known.id), buyer.phone, holder)
    if holder is not None:
        return holder
    stranger = recognise.newcomer(
        phone=buyer.phone,
        unionid=buyer.unionid,
        channel=CHANNEL,
        store_id=shop.store_id,
        now=now,
    )
    return stranger.id


def _of_phone(phone: str | None) -> int | None:
    if phone is None:
        return None
    found = db.session.scalar(select(Member.id).where(Member.phone == phone))
    return None if found is None else queries.survivor_id(found)


def _with_phone(member: Member, phone: str | None, holder: int | None) -> int:
    """A member without a phone is reached by this one, if it is nobody's."""
    if phone is not None and holder is None and member.phone is None:
        member.phone = phone
        db.session.flush()
    return member.id
