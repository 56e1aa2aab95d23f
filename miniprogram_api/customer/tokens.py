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
class Customer:
    """Who is logged in; a joined member's token leads to the survivor. ``member_ids``: every id
    this person has here, the survivor's first."""

    merchant_id: int
    member_ids: tuple[int, ...]
    wechat_user_id: int

    @property
    def member_id(self) -> int:
        """The survivor's id."""
        return self.member_ids[0]

    @property
    def caller(self) -> str:
        """This person as rate limits and idempotency keys know them."""
        return _caller(self.merchant_id, self.wechat_user_id)


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


def require_customer(blueprint: Blueprint) -> None:
    """Every call below ``blueprint`` needs a good token, and acts for its merchant.

    20 calls a second per person and merchant (spec/08), whatever tokens they hold and however
    these are spelt.
    """

    def enter() -> None:
        claims = _read(_bearer(), now=clock.now())
        caller = _caller(claims.merchant_id, claims.wechat_user_id)
        spend(Limit.CUSTOMER, caller, look_at=(Limit.WRONG_NUMBERS, caller))
        stack = ExitStack()
        stack.enter_context(tenancy.acting_for(claims.merchant_id))
        g.customer_stack = stack
        member_ids = tuple(ids_of(claims.member_id))
        if not member_ids:
            raise Unauthenticated()
        g.customer = Customer(claims.merchant_id, member_ids, claims.wechat_user_id)

    def leave(_error: BaseException | None) -> None:
        g.pop("customer", None)
        if (stack := g.pop("customer_stack", None)) is not None:
            stack.close()

    blueprint.before_request(enter)
    blueprint.teardown_request(leave)


def current_customer() -> Customer:
    """Who is logged in on this request."""
    customer: Customer | None = g.get("customer")
    if customer is None:
        raise Unauthenticated()
    return customer


def _caller(merchant_id: int, wechat_user_id: int) -> str:
    return f"customer-{merchant_id}-{wechat_user_id}"


def _bearer() -> str:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        raise Unauthenticated()
    return text.strip()


@dataclass(frozen=True)
class _Claims:
    """What a token says."""

    merchant_id: int
    member_id: int
    wechat_user_id: int


def _read(text: str, *, now: datetime) -> _Claims:
    try:
        merchant_id, member_id, wechat_user_id, end = _serializer().loads(text)
    except BadSignature:
        raise Unauthenticated() from None
    if now.timestamp() >= end:
        raise Unauthenticated()
    return _Claims(merchant_id, member_id, wechat_user_id)


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(
        purpose_key("customer-token"),
        salt="customer",
        signer_kwargs={"digest_method": hashlib.sha256},
    )
