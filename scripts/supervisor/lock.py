"""One supervisor per data folder.

The lock is handed down to every child: while one of them is still shutting down after its
supervisor was killed, a new start waits for it instead of meeting it on the port or in the files.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

PATIENCE_SECONDS = 30


class DataFolderInUse(Exception):
    """Another supervisor, or what one left behind, still works on this data folder."""


@contextmanager
def only_one(run: Path, *, patience: float = PATIENCE_SECONDS) -> Iterator[int]:
    """Hold ``run/lock`` and yield its descriptor; refused while another supervisor lives."""
    with (run / "lock").open("a+") as file:
        _take(file, run, patience)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def _take(file: TextIO, run: Path, patience: float) -> None:
    until = time.monotonic() + patience
    while not _try(file):
        file.seek(0)
        holder = file.read().strip()
        if holder.isdigit() and _lives(int(holder)):
            raise DataFolderInUse(
                f"{run.parent} 已有一个券包在运行 · Quanbao already runs here (pid {holder}).\n"
                "另起一套请用 · For a second one: --data DIR --port PORT"
            )
        if time.monotonic() > until:
            raise DataFolderInUse(
                "上次的进程仍未结束,请稍候再试,或先结束它们(kill) · processes of the last run are "
                f"still there; wait a little, or end them: {_left(run)}"
            )
        time.sleep(0.1)


def _try(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _left(run: Path) -> str:
    return ", ".join(f"{path.stem} {path.read_text()}" for path in sorted(run.glob("*.pid")))
