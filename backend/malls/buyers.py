"""买家: which member bought a voucher, as the mall says; whoever is new becomes one.

By WeChat identity, at the mall's account or by unionid, then by phone. Two members whom the mall
calls one person are not joined: its word proves nobody's phone. A stranger's identity goes to the
member of the phone, though: it was nobody's before. Where the mall's account is not bound here, its
openids, or bare unionids, are kept under the shop's own name.
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
    openid = buyer.openid or buyer.unionid
    if openid is None:
        return holder or _stranger(buyer.phone or "", shop=shop, now=now)
    came = recognise.by_wechat(
        shop.app_id if shop.app_id and buyer.openid else f"mall-{shop.key}",
        openid,
        buyer.unionid,
        channel=CHANNEL,
        store_id=shop.store_id,
        now=now,
    )
    member = join_same_person(came, now=now).member
    if came.is_new and holder is not None:
        return join(holder, member.id, now=now)
    if buyer.phone is not None and holder is None and member.phone is None:
        member.phone = buyer.phone
        db.session.flush()
    return member.id


def _stranger(phone: str, *, shop: Shop, now: datetime) -> int:
    return recognise.newcomer(phone=phone, channel=CHANNEL, store_id=shop.store_id, now=now).id


def _of_phone(phone: str | None) -> int | None:
    if phone is None:
        return None
    found = db.session.scalar(select(Member.id).where(Member.phone == phone))
    return None if found is None else queries.survivor_id(found)
