"""识别会员 by what they say or carry: phone, physical card (S2-48), WeChat."""

from contextlib import suppress

from sqlalchemy import select

from backend import tenancy
from backend.database import db, table_of
from backend.errors import ParamError
from backend.members import cards, phones, queries
from backend.members.errors import CardDestroyed, CardFrozen, CardNotFound, MemberNotFound
from backend.members.models import CardState, Identity, Member, MemberCard, WechatUser

_identities, _people = table_of(Identity), table_of(WechatUser)


def by_phone(text: str) -> Member:
    """The member of a phone number; ParamError when it is none."""
    found = db.session.scalar(select(Member.id).where(Member.phone == phones.canonical(text)))
    if found is None:
        raise MemberNotFound()
    return queries.survivor(found)


def by_card(number: str) -> Member:
    """实体卡. Only a normal card speaks for its member; the texts are S2-48's."""
    card = db.session.scalars(
        select(MemberCard).where(MemberCard.number == cards.canonical(number))
    ).one_or_none()
    if card is None:
        raise CardNotFound()
    if card.state == CardState.DESTROYED:
        raise CardDestroyed()
    if card.state == CardState.FROZEN:
        raise CardFrozen()
    return queries.survivor(card.member_id)


def by_phone_or_card(text: str) -> Member:
    """Whichever was typed or swiped; MemberNotFound when it is neither."""
    with suppress(ParamError, MemberNotFound):
        return by_phone(text)
    try:
        return by_card(text)
    except CardNotFound:
        raise MemberNotFound() from None


def by_openid(openid: str) -> Member:
    """The member whose WeChat has this openid, in whichever of the merchant's apps."""
    found = db.session.connection().scalar(
        select(_identities.c.member_id)
        .join(_people, _people.c.id == _identities.c.wechat_user_id)
        .where(_people.c.openid == openid, tenancy.owner(_identities) == tenancy.merchant_id())
        .order_by(_identities.c.id)
        .limit(1)
    )
    if found is None:
        raise MemberNotFound()
    return queries.survivor(found)
