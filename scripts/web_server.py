"""Web server: threads in at most two processes, or as many as WEB_PROCESSES says.

The product is loaded once, by the master; its processes are forked from there and share it.
"""

import gc
import os
import signal
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from backend.database import forget_connections
from scripts.supervisor.kernel import die_with_parent

gc.disable()  # until all is loaded: nothing of it is garbage

preload_app = True
worker_class = "gthread"
workers = int(os.environ.get("WEB_PROCESSES") or min(2, os.cpu_count() or 1))
threads = int(os.environ.get("WEB_THREADS") or 8)
timeout = 15  # without a sign of life; a stopped one the supervisor sees sooner
graceful_timeout = 20
keepalive = 15
control_socket_disable = True
if Path("/dev/shm").is_dir():
    worker_tmp_dir = "/dev/shm"


def when_ready(_server: Arbiter) -> None:
    """What is loaded stays where it is, so that the forks go on sharing it."""
    gc.freeze()
    gc.enable()


def post_fork(_server: Arbiter, worker: Worker) -> None:
    """A worker of a killed master must not keep the port, nor use its master's connections."""
    die_with_parent(worker.ppid, by=signal.SIGKILL)
    from wsgi import app

    forget_connections(app)
