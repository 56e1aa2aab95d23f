"""What the scheduler and a worker do: the tick, then every job that was sent."""

from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from backend import background
from jobs import waves


def work() -> None:
    """One tick of the waves, and its jobs worked off, in this process's app."""
    waves.tick.__wrapped__()  # type: ignore[attr-defined]
    connection = background.redis()
    queue = Queue(background.WAVES, connection=connection, serializer=JSONSerializer)
    while not queue.is_empty():
        job_id = queue.pop_job_id()
        job = Job.fetch(job_id, connection=connection, serializer=JSONSerializer)
        job.func.__wrapped__(*job.args)
