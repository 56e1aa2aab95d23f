"""登录凭证: bearer tokens of customers (spec/08). Business time; 30 days, no refresh."""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, g, request
from itsdangerous import BadSignature, URLSafeSerializer

from backend import clock, tenancy
from backend.errors import Unauthenticated
from backend.keys import purpose_key
from backend.members.queries import ids_of
from miniprogram_api.limits import Limit, spend

GOOD_FOR = timedelta(days=30)


@dataclass(frozen=True)
class Bearer:
    """What a good token says. The member may have been joined into another since."""

    merchant_id: int
    member_id: int
    wechat_user_id: int

    @property
    def caller(self) -> str:
        """This person as rate limits and idempotency keys know them."""
        return f"customer-{self.merchant_id}-{self.wechat_user_id}"


@dataclass(frozen=True)
class Customer(Bearer):
    """Who is logged in, by the survivor's id. ``member_ids``: every id this person has here, the
    survivor's first."""

    member_ids: tuple[int, ...]


@dataclass(frozen=True)
class Token:
    """凭证 as handed out; ``expires_at`` is exclusive."""

    text: str
    expires_at: datetime


def issue(merchant_id: int, member_id: int, wechat_user_id: int, *, now: datetime) -> Token:
    """A token for this customer."""
    end = int((now + GOOD_FOR).timestamp())
    text = _serializer().dumps([merchant_id, member_id, wechat_user_id, end])
    return Token(str(text), datetime.fromtimestamp(end, UTC))


def require_token(blueprint: Blueprint) -> None:
    """Every call below ``blueprint`` needs a good token, and acts for its merchant.

    20 calls a second per person and merchant (spec/08), whatever tokens they hold and however
    these are spelt.
    """

    def enter() -> None:
        bearer = _read(_said(), now=clock.now())
        spend(Limit.CUSTOMER, bearer.caller, look_at=(Limit.WRONG_NUMBERS, bearer.caller))
        stack = ExitStack()
        stack.enter_context(tenancy.acting_for(bearer.merchant_id))
        g.customer_stack, g.bearer = stack, bearer

    def leave(_error: BaseException | None) -> None:
        g.pop("bearer", None)
        g.pop("customer", None)
        if (stack := g.pop("customer_stack", None)) is not None:
            stack.close()

    blueprint.before_request(enter)
    blueprint.teardown_request(leave)


def require_customer(blueprint: Blueprint) -> None:
    """A good token, of a person who is still here."""
    require_token(blueprint)

    def know() -> None:
        bearer = current_bearer()
        member_ids = tuple(ids_of(bearer.member_id))
        if not member_ids:
            raise Unauthenticated()
        g.customer = Customer(bearer.merchant_id, member_ids[0], bearer.wechat_user_id, member_ids)

    blueprint.before_request(know)


def current_bearer() -> Bearer:
    """Whose token this request brought."""
    bearer: Bearer | None = g.get("bearer")
    if bearer is None:
        raise Unauthenticated()
    return bearer


def current_customer() -> Customer:
    """Who is logged in on this request."""
    customer: Customer | None = g.get("customer")
    if customer is None:
        raise Unauthenticated()
    return customer


def _said() -> str:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        raise Unauthenticated()
    return text.strip()


def _read(text: str, *, now: datetime) -> Bearer:
    try:
        merchant_id, member_id, wechat_user_id, end = _serializer().loads(text)
    except BadSignature:
        raise Unauthenticated() from None
    if now.timestamp() >= end:
        raise Unauthenticated()
    return Bearer(merchant_id, member_id, wechat_user_id)


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(
        purpose_key("customer-token"),
        salt="customer",
        signer_kwargs={"digest_method": hashlib.sha256},
    )
