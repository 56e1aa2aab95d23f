"""后台任务. Work for later, by name; sent after commit. Losing one costs only time: the rows say
what is due, and the tick looks again.

The only place beside ``jobs/`` that knows RQ.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from flask import Flask, current_app
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from backend import requesting
from backend.database import after_commit, end_read

T = TypeVar("T")
R = TypeVar("R")

log = logging.getLogger(__name__)

PROMPT, WAVES, MESSAGES, UPKEEP = "prompt", "waves", "messages", "upkeep"
"""The queues, in the order workers look at them; ``PROMPT``: somebody waits for it."""

JOB_SECONDS = 120


def connect(url: str, *, blocking: bool = False) -> Redis:
    """A client that gives up soon; ``blocking`` for workers that wait for work."""
    return Redis.from_url(
        url,
        socket_connect_timeout=1,
        socket_timeout=None if blocking else 3,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 2),
        health_check_interval=30,
    )


def redis() -> Redis:
    """The deployment's Redis; it may vanish at any moment and is never the only copy of a fact."""
    client: Redis = current_app.extensions["redis"]
    return client


def enqueue(job: str, *args: int | str, queue: str = MESSAGES) -> None:
    """Have ``job`` (dotted name) run by a worker once what we write now is stored."""
    after_commit(lambda: _send(job, args, queue))


def side_by_side(work: Callable[[T], R], things: Sequence[T], *, threads: int) -> list[R]:
    """Do for each thing what mostly waits for somebody else, a few at a time, each with a session
    of its own under our request id. The first exception is raised when all have ended."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    request_id = requesting.request_id()

    def run(thing: T) -> R:
        with app.app_context():
            requesting.begin(request_id)
            return work(thing)

    end_read()
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, things))


def _send(job: str, args: tuple[int | str, ...], queue: str) -> None:
    try:
        Queue(queue, connection=redis(), serializer=JSONSerializer).enqueue(
            job, args=args, job_timeout=JOB_SECONDS, result_ttl=0, failure_ttl=86400
        )
    except RedisError as error:
        log.warning("Redis is away; the tick will find %s", job, extra={"error": str(error)})
