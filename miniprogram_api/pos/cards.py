"""实体卡: bind, freeze, unfreeze, destroy, replace."""

from typing import Literal, TypeVar

from backend import clock
from backend.errors import FieldError, ParamError
from backend.members import cards
from backend.members.cards import Card
from miniprogram_api.contract import Answer, CodeText, TillBody, route
from miniprogram_api.pos.blueprint import blueprint, this_till
from miniprogram_api.pos.bodies import RowNumber

T = TypeVar("T")


class CardBody(TillBody):
    """``bind`` needs a member, ``replace`` a new card."""

    action: Literal["bind", "freeze", "unfreeze", "destroy", "replace"]
    card: CodeText
    member_id: RowNumber | None = None
    new_card: CodeText | None = None


class CardAnswer(Answer):
    """The card that is now the member's, or that was dealt with."""

    card: str
    state: Literal["normal", "frozen", "destroyed"]


@route(blueprint, "POST", "/cards", body=CardBody, answer=CardAnswer)
def change_card(body: CardBody) -> CardAnswer:
    """实体卡: 绑卡、冻结、解冻、销毁、换卡"""
    card = _changed(body)
    return CardAnswer(card=card.number, state=card.state.value)


def _changed(body: CardBody) -> Card:
    actor, now = this_till().name, clock.now()
    match body.action:
        case "bind":
            member_id = _needed("member_id", body.member_id)
            return cards.bind(body.card, member_id=member_id, actor=actor, now=now)
        case "replace":
            new_card = _needed("new_card", body.new_card)
            return cards.replace(body.card, new_number=new_card, actor=actor, now=now)
        case "freeze":
            return cards.freeze(body.card, actor=actor, now=now)
        case "unfreeze":
            return cards.unfreeze(body.card, actor=actor, now=now)
        case "destroy":
            return cards.destroy(body.card, actor=actor, now=now)


def _needed(name: str, value: T | None) -> T:
    if value is None:
        raise ParamError(errors=[FieldError(field=name, message="必填")])
    return value
