"""消息发送: the tick sends what is due."""

from backend.messaging import dispatch
from jobs.runtime import job


@job
def tick() -> None:
    """Send what is due; what is left when the time is up is the next tick's."""
    dispatch.send_due()


@job
def deliver(intent_id: int) -> None:
    """Send one queued message; finished ones are left alone."""
    dispatch.send_one(intent_id)
