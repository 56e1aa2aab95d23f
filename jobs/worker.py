"""``python -m jobs.worker``: one RQ worker over all queues.

A dead worker's job is found again within a minute; no correctness hangs on it (rows say what is
due). The horse dies with its parent, so that no job runs on beside its second run. While Redis is
away the worker looks for it every few seconds.
"""

import ctypes
import gc
import os
import signal
import sys

from rq import Worker
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from backend import background
from backend.settings import load
from backend.wechat import transport
from jobs import (
    deliveries,
    followers,
    malls,
    open_bills,
    reminders,
    reports,
    runtime,
    upkeep,
    waves,
)

LOADED = (deliveries, followers, malls, open_bills, reminders, reports, upkeep, waves)
"""The jobs: who forks for each of them would else load it in each."""

_PR_SET_PDEATHSIG = 1


class HouseWorker(Worker):
    """Forks as RQ does; the child ends with its parent and opens its own connections."""

    execution: Execution
    max_connection_wait_time = 4.0

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() == 1:
                os._exit(1)
        runtime.after_fork()
        super().main_work_horse(job, queue)


def main() -> None:
    """Work until told to stop."""
    settings = load()
    runtime.app()
    connection = background.connect(settings.redis_address, blocking=True)
    transport.warm_up()
    gc.freeze()
    names = (background.PROMPT, background.WAVES, background.MESSAGES, background.UPKEEP)
    queues = [Queue(name, connection=connection, serializer=JSONSerializer) for name in names]
    HouseWorker(
        queues,
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=20,
        maintenance_interval=5,
        job_monitoring_interval=5,
        log_job_description=False,
    ).work(logging_level="WARNING")


if __name__ == "__main__":
    main()
