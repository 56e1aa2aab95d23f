"""``python -m jobs.scheduler``: rq-scheduler ticks; it decides nothing.

Its entries live in Redis and are put back at every turn, its sign of life in the database. When
Redis goes away the process ends, and the supervisor starts it again.
"""

import logging
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

from backend import background, clock, heartbeat, installation
from backend.dialects import is_away
from backend.errors import Busy
from backend.settings import load
from jobs import runtime
from jobs.timetable import TICKS, Tick

TURN_SECONDS = 1

log = logging.getLogger(__name__)


class JsonJob(Job):
    """A job written as JSON, as the workers read it."""

    @classmethod
    def create(cls, *args: Any, **kwargs: Any) -> Job:  # noqa: ANN401
        kwargs["serializer"] = JSONSerializer
        return super().create(*args, **kwargs)

    @classmethod
    def fetch_many(cls, *args: Any, **kwargs: Any) -> list[Job | None]:  # noqa: ANN401
        kwargs["serializer"] = JSONSerializer
        return super().fetch_many(*args, **kwargs)

    @classmethod
    def fetch(cls, *args: Any, **kwargs: Any) -> Job:  # noqa: ANN401
        kwargs["serializer"] = JSONSerializer
        return super().fetch(*args, **kwargs)


class HouseScheduler(Scheduler):  # type: ignore[misc]
    """Puts missing ticks back, then moves what is due."""

    silent_because = ""

    def heartbeat(self) -> None:
        """A database that is busy or away misses a beat; the scheduler goes on ticking."""
        try:
            with runtime.app().app_context():
                self._beat()
        except Exception as error:
            if not (isinstance(error, Busy) or is_away(error)):
                raise
            log.warning("The database took no heartbeat: %s", error)
        super().heartbeat()

    def _beat(self) -> None:
        """A copy of the data has no heart: what its mark says stays as it is."""
        if why := installation.why_not_living():
            if why != self.silent_because:
                log.error(installation.NotTheLivingOne(why=why).message)
        else:
            now = clock.machine_now()
            heartbeat.beat("scheduler", now=now)
            installation.mark_alive(now)
        self.silent_because = why

    def enqueue_jobs(self) -> list[Job]:
        ensure_ticks(self)
        moved: list[Job] = super().enqueue_jobs()
        return moved


def ensure_ticks(scheduler: Scheduler) -> None:
    """Every tick of the timetable stands in Redis once, whatever happened to Redis."""
    key = scheduler.scheduled_jobs_key
    for tick in TICKS:
        if scheduler.connection.zscore(key, tick.name) is None:
            _put(scheduler, tick)


def _put(scheduler: Scheduler, tick: Tick) -> None:
    scheduler.schedule(
        scheduled_time=datetime.now(UTC),
        func=tick.job,
        interval=tick.every_seconds,
        id=tick.name,
        queue_name=tick.queue,
        timeout=background.JOB_SECONDS,
    )


def main() -> None:
    """Tick until told to stop."""
    connection: Redis = background.connect(load().redis_address)
    runtime.app()
    HouseScheduler(connection=connection, interval=TURN_SECONDS, job_class=JsonJob).run()


if __name__ == "__main__":
    main()
