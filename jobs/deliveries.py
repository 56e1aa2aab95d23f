"""消息发送: the tick sends what is due."""

from jobs.runtime import job


@job
def tick() -> None:
    """Look which messages are due."""


@job
def deliver(intent_id: int) -> None:
    """Send one queued message; finished ones are left alone."""
