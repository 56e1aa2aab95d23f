"""绑定核销员 (S4-21)."""

from typing import Annotated

from pydantic import Field

from backend import clock
from backend.errors import Unauthenticated
from backend.members.queries import ids_of
from backend.merchants.verifiers import bind
from miniprogram_api.answers import StoreAnswer
from miniprogram_api.contract import Answer, Body, route
from miniprogram_api.customer.tokens import current_bearer
from miniprogram_api.verifier.blueprint import blueprint


class BindBody(Body):
    """The token of the binding QR code."""

    token: Annotated[str, Field(min_length=1, max_length=100)]


class BindAnswer(Answer):
    """Where this person may redeem from now on."""

    stores: list[StoreAnswer]


@route(blueprint, "POST", "/bind", body=BindBody, answer=BindAnswer)
def bind_verifier(body: BindBody) -> BindAnswer:
    """绑定核销员: one use, 10 minutes"""
    member_ids = ids_of(current_bearer().member_id)
    if not member_ids:
        raise Unauthenticated()
    stores = bind(member_ids, token=body.token.strip(), now=clock.now())
    return BindAnswer(stores=[StoreAnswer.model_validate(each) for each in stores])
