"""Every call needs an ordinary login; who that person is here is asked anew each time."""

from contextlib import AbstractContextManager

from flask import Blueprint

from backend.merchants.queries import Place
from backend.redemption import verifiers
from backend.redemption.verifiers import BoundVerifier
from miniprogram_api.customer.tokens import current_bearer, require_token
from miniprogram_api.idempotency import protect
from miniprogram_api.limits import counting_wrong_numbers

blueprint = Blueprint("verifier", __name__, url_prefix="/api/v1/verifier")
require_token(blueprint)
protect(blueprint, caller=lambda: f"verifier-{current_bearer().caller}"[:80])


def counting_numbers() -> AbstractContextManager[None]:
    """Numbers that name nothing are counted per verifier."""
    return counting_wrong_numbers(current_bearer().caller)


def this_verifier() -> BoundVerifier:
    """The verifier who calls; NotAVerifier before binding and after unbinding."""
    return verifiers.verifier(current_bearer().member_id)


def verifier_at(store_code: str) -> tuple[BoundVerifier, Place]:
    """The verifier who calls, and the store, which must be one of theirs."""
    return verifiers.verifier_at(current_bearer().member_id, store_code=store_code)
