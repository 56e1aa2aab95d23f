"""Web server: threads in at most two processes, or as many as WEB_PROCESSES says."""

import os
import signal
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from scripts.supervisor.kernel import die_with_parent

worker_class = "gthread"
workers = int(os.environ.get("WEB_PROCESSES") or min(2, os.cpu_count() or 1))
threads = int(os.environ.get("WEB_THREADS") or 8)
graceful_timeout = 20
keepalive = 15
control_socket_disable = True
if Path("/dev/shm").is_dir():
    worker_tmp_dir = "/dev/shm"


def post_fork(_server: Arbiter, worker: Worker) -> None:
    """A worker of a killed master must not keep the port."""
    die_with_parent(worker.ppid, by=signal.SIGKILL)
