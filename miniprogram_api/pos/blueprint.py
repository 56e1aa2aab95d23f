"""Every call of a till is signed, counted, and repeated under its key with one effect."""

from contextlib import AbstractContextManager

from flask import Blueprint

from backend.redemption.redeem import Redeemer
from miniprogram_api.idempotency import protect
from miniprogram_api.limits import Limit, counting_wrong_numbers
from miniprogram_api.pos.signature import current_till, require_till

blueprint = Blueprint("pos", __name__, url_prefix="/pos/v1")
require_till(blueprint)
protect(blueprint, caller=lambda: f"pos-{current_till().key}"[:80])


def counting_numbers() -> AbstractContextManager[None]:
    """Numbers that name nothing are counted per key: a till does not try them out."""
    return counting_wrong_numbers(current_till().key, limit=Limit.WRONG_AT_TILL)


def this_till() -> Redeemer:
    """The till that calls, as the one who redeems, locks and undoes."""
    return Redeemer(f"till {current_till().key}")
