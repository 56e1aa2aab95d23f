"""What the scheduler and a worker do: the tick, then every job that was sent."""

from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from backend import background
from jobs import deliveries, reminders, waves


def work() -> None:
    """One tick of the waves, and its jobs worked off, in this process's app."""
    waves.tick.__wrapped__()  # type: ignore[attr-defined]
    _work_off(background.WAVES)


def work_and_tell() -> None:
    """All that is due at this moment: waves, what is known of followers, reminders, messages."""
    work()
    _work_off(background.PROMPT)
    reminders.run.__wrapped__()  # type: ignore[attr-defined]
    deliveries.tick.__wrapped__()  # type: ignore[attr-defined]


def _work_off(name: str) -> None:
    connection = background.redis()
    queue = Queue(name, connection=connection, serializer=JSONSerializer)
    while not queue.is_empty():
        job_id = queue.pop_job_id()
        job = Job.fetch(job_id, connection=connection, serializer=JSONSerializer)
        job.func.__wrapped__(*job.args)
