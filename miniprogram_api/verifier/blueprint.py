"""Every call needs an ordinary login; who that person is here is asked anew each time."""

from contextlib import AbstractContextManager

from flask import Blueprint

from backend.merchants import authority
from backend.merchants.authority import BoundVerifier
from miniprogram_api.customer.tokens import current_customer, require_customer
from miniprogram_api.idempotency import protect
from miniprogram_api.limits import counting_wrong_numbers

blueprint = Blueprint("verifier", __name__, url_prefix="/api/v1/verifier")
require_customer(blueprint)
protect(blueprint, caller=lambda: f"verifier-{current_customer().caller}"[:80])


def counting_numbers() -> AbstractContextManager[None]:
    """Numbers that name nothing are counted per verifier."""
    return counting_wrong_numbers(current_customer().caller)


def member_ids() -> list[int]:
    """Every id of the person who calls: aliases count."""
    return list(current_customer().member_ids)


def this_verifier() -> BoundVerifier:
    """The verifier who calls; NotAVerifier before binding and after unbinding."""
    return authority.verifier(member_ids())


def verifier_at(store_code: str) -> BoundVerifier:
    """The verifier who calls, at a store of theirs."""
    return authority.verifier_at(member_ids(), store_code=store_code)
