"""实体卡: bind, freeze, unfreeze, destroy, replace (S2-48). Each step is one conditional UPDATE;
a step that has been taken already is answered again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from backend import spelling, tenancy
from backend.database import MetAnother, changed, db, table_of, transactional
from backend.errors import FieldError, ParamError
from backend.members.errors import CardDestroyed, CardFrozen, CardNotFound, CardTaken
from backend.members.models import CardState, MemberCard
from backend.members.queries import ids_of, survivor_id
from backend.merchants import audit

_cards = table_of(MemberCard)


@dataclass(frozen=True)
class Card:
    """实体卡 and whose it is."""

    number: str
    state: CardState
    member_id: int


def canonical(text: str) -> str:
    """卡号 in its one spelling, however it was typed, scanned or swiped: ``46-9658``
    → 469658."""
    return spelling.compact(spelling.scanned(text))


@transactional
def bind(number: str, *, member_id: int, actor: str, now: datetime) -> Card:
    """绑卡: a new card, or one that is this member's already; CardTaken when somebody else's."""
    number, member_id = canonical(number), survivor_id(member_id)
    if not number:
        raise ParamError(errors=[FieldError(field="card", message="请填写卡号")])
    card = _find(number)
    if card is None:
        db.session.connection().execute(
            _cards.insert().values(
                merchant_id=tenancy.merchant_id(),
                member_id=member_id,
                number=number,
                state=CardState.NORMAL.value,
            )
        )
        return _log("bind", Card(number, CardState.NORMAL, member_id), actor=actor, now=now)
    _refuse_destroyed(card)
    if card.member_id not in ids_of(member_id):
        raise CardTaken()
    if card.state is CardState.FROZEN:
        raise CardFrozen()
    return card


@transactional
def freeze(number: str, *, actor: str, now: datetime) -> Card:
    """冻结: the card speaks for nobody until it is unfrozen."""
    return _move(number, (CardState.NORMAL,), CardState.FROZEN, actor=actor, now=now)


@transactional
def unfreeze(number: str, *, actor: str, now: datetime) -> Card:
    """解冻."""
    return _move(number, (CardState.FROZEN,), CardState.NORMAL, actor=actor, now=now)


@transactional
def destroy(number: str, *, actor: str, now: datetime) -> Card:
    """销毁, for good."""
    alive = (CardState.NORMAL, CardState.FROZEN)
    return _move(number, alive, CardState.DESTROYED, actor=actor, now=now)


@transactional
def replace(number: str, *, new_number: str, actor: str, now: datetime) -> Card:
    """换卡: the old card, lost or broken, is destroyed and the new one is the same member's."""
    old, new = _known(number), _find(canonical(new_number))
    if old.state is CardState.DESTROYED:
        if new is not None and new.member_id == old.member_id:
            return new
        raise CardDestroyed()
    destroy(number, actor=actor, now=now)
    return bind(new_number, member_id=old.member_id, actor=actor, now=now)


def _move(
    number: str, before: Sequence[CardState], after: CardState, *, actor: str, now: datetime
) -> Card:
    card = _known(number)
    if card.state is after:
        return card
    _refuse_destroyed(card)
    if not changed(
        update(_cards)
        .where(
            _cards.c.merchant_id == tenancy.merchant_id(),
            _cards.c.number == card.number,
            _cards.c.state.in_(before),
        )
        .values(state=after.value)
    ):
        raise MetAnother("the card was changed by somebody else")
    return _log(after.value, Card(card.number, after, card.member_id), actor=actor, now=now)


def _known(number: str) -> Card:
    card = _find(canonical(number))
    if card is None:
        raise CardNotFound()
    return card


def _refuse_destroyed(card: Card) -> None:
    if card.state is CardState.DESTROYED:
        raise CardDestroyed()


def _find(number: str) -> Card | None:
    row = (
        db.session.connection()
        .execute(
            select(_cards.c.number, _cards.c.state, _cards.c.member_id).where(
                _cards.c.merchant_id == tenancy.merchant_id(), _cards.c.number == number
            )
        )
        .one_or_none()
    )
    return None if row is None else Card(row.number, CardState(row.state), row.member_id)


def _log(action: str, card: Card, *, actor: str, now: datetime) -> Card:
    audit.record(
        f"card.{action}",
        subject=f"实体卡 {card.number}",
        actor=actor,
        merchant_id=tenancy.merchant_id(),
        after={"state": card.state.value, "member": card.member_id},
        now=now,
    )
    return card
