"""后台任务. Work for later, by name; sent after commit. Losing one costs only time: the rows say
what is due, and the tick looks again.

The only place beside ``jobs/`` that knows RQ.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from flask import Flask, current_app, has_request_context
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

REDIS_PAUSE_SECONDS = 5.0
"""How long Redis is left alone once it did not answer."""

WAKE_SECONDS = 3
"""How long a job that was woken counts as on its way, at most."""


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


def wake(job: str, *, queue: str = MESSAGES) -> None:
    """Have ``job``, which looks for itself what is due, run soon after commit. Whoever wakes it
    before it begins (``awake``) wakes it together with the others.

    A request does not wait for it: the process's bell rings for all who asked meanwhile.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def ring() -> None:
        if has_request_context():
            app.extensions.setdefault("bell", Bell(app)).ring(job, queue)
        else:
            _wake_now(job, queue)

    after_commit(ring, once=_waking(job))


def awake(job: str) -> None:
    """``job`` begins to look: what is stored from now on wakes it anew."""
    ask_redis(lambda: redis().delete(_waking(job)), otherwise=lambda: None)


def ask_redis(question: Callable[[], T], *, otherwise: Callable[[], T]) -> T:
    """What Redis says. Once it did not answer it is left alone for a while, so that nobody waits
    for it again and again; ``otherwise`` speaks instead."""
    extensions = current_app.extensions
    if time.monotonic() >= extensions.get("redis_away_until", 0.0):
        try:
            return question()
        except RedisError as error:
            extensions["redis_away_until"] = time.monotonic() + REDIS_PAUSE_SECONDS
            log.warning(
                "Redis is away; the ticks will find what is due", extra={"error": str(error)}
            )
    return otherwise()


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
    def enqueue_it() -> None:
        Queue(queue, connection=redis(), serializer=JSONSerializer).enqueue(
            job, args=args, job_timeout=JOB_SECONDS, result_ttl=0, failure_ttl=86400
        )

    ask_redis(enqueue_it, otherwise=lambda: None)


class Bell:
    """One thread of a web process that wakes jobs, once however many requests ask at a time.

    It is lost with its process; the ticks find what is due.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._changed = threading.Condition()
        self._wanted: set[tuple[str, str]] = set()
        self._busy = False
        self._ringing: threading.Thread | None = None

    def ring(self, job: str, queue: str) -> None:
        """Wake it soon; returns at once."""
        with self._changed:
            self._wanted.add((job, queue))
            if self._ringing is None or not self._ringing.is_alive():  # a fork takes none along
                self._ringing = threading.Thread(target=self._run, name="bell", daemon=True)
                self._ringing.start()
            self._changed.notify_all()

    def rest(self, *, seconds: float) -> bool:
        """Wait until everybody who was asked for is woken; whether that is so by then."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._wanted or self._busy), seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted)
                wanted, self._wanted, self._busy = self._wanted, set(), True
            try:
                with self._app.app_context():
                    for job, queue in sorted(wanted):
                        _wake_now(job, queue)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()


def _wake_now(job: str, queue: str) -> None:
    first = ask_redis(
        lambda: redis().set(_waking(job), 1, nx=True, ex=WAKE_SECONDS), otherwise=lambda: None
    )
    if first:
        _send(job, (), queue)


def _waking(job: str) -> str:
    return f"waking:{job}"
