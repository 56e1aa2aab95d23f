"""扫码支付: what no notice told is asked, what is over is closed, what came too late goes back."""

import logging
from collections.abc import Callable

from redis.exceptions import RedisError

from backend import background, clock, tenancy
from backend.errors import DomainError
from backend.open_bills import ending, giving_back, upkeep
from backend.open_bills.upkeep import PaymentStep
from jobs.runtime import job

log = logging.getLogger(__name__)

_DEEDS: dict[PaymentStep, Callable[..., None]] = {
    PaymentStep.END: ending.end,
    PaymentStep.ASK: ending.ask,
    PaymentStep.GIVE_BACK: giving_back.give_back,
}
_EVERY_SECONDS = {PaymentStep.END: 5, PaymentStep.ASK: 20, PaymentStep.GIVE_BACK: 60}
"""How often each is tried for one payment."""


@job
def tick() -> None:
    """Look after every payment that is not at its end; one that fails holds up no other."""
    for due in upkeep.due(clock.now(), machine=clock.machine_now()):
        if not _is_time(f"{due.deed}-{due.payment_id}", _EVERY_SECONDS[due.deed]):
            continue
        try:
            _do(due.deed, due.merchant_id, due.payment_id)
        except DomainError as error:
            log.warning("Payment %s waits: %s", due.payment_id, error)


@job
def end(merchant_id: int, payment_id: int) -> None:
    """Close a payment that was given up, or take it."""
    _do(PaymentStep.END, merchant_id, payment_id)


@job
def give_back(merchant_id: int, payment_id: int) -> None:
    """Refund what is due."""
    _do(PaymentStep.GIVE_BACK, merchant_id, payment_id)


def _do(deed: PaymentStep, merchant_id: int, payment_id: int) -> None:
    with tenancy.acting_for(merchant_id):
        _DEEDS[deed](payment_id, now=clock.now())


def _is_time(what: str, seconds: int) -> bool:
    """Whether this was not done lately; a hint only, doing it twice is harmless."""
    try:
        return bool(background.redis().set(f"payment:{what}", 1, nx=True, ex=seconds))
    except RedisError:
        return False
