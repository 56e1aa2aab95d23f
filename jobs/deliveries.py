"""消息发送: the tick sends what is due; a message that was just stored wakes it early."""

from backend import background
from backend.messaging import dispatch
from jobs.runtime import job


@job
def tick() -> None:
    """Send what is due; what is left when the time is up is the next tick's."""
    background.awake("jobs.deliveries.tick")
    dispatch.send_due()
