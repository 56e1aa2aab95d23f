"""What only the Linux kernel can promise: that no process outlives the one that started it.

Elsewhere these do nothing, and a supervisor killed with SIGKILL leaves its children to the user.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_LINUX = sys.platform == "linux"
_LIBC = ctypes.CDLL(None) if _LINUX else None
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def die_with_parent(parent: int, by: signal.Signals = signal.SIGTERM) -> None:
    """Called in a child just forked by ``parent``: get ``by`` when the parent is gone."""
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:
        os.kill(os.getpid(), by)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, to end it ourselves."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_adopted(*, own: set[int]) -> int:
    """Kill and bury the children of this process that it did not start itself; how many."""
    adopted = _children() - own
    for child in adopted:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(child, 0)
    return len(adopted)


def stopped_among(processes: set[int]) -> set[int]:
    """Those of these processes and of their children that stand still (SIGSTOP): they hold on to
    ports, locks and other people's requests, and nobody ever hears of their end."""
    everybody = processes.union(*map(_forked_by, processes)) if _LINUX else set()
    return {pid for pid in everybody if _stat(Path(f"/proc/{pid}"))[:1] == ["T"]}


def _forked_by(process: int) -> set[int]:
    try:
        return set(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))
    except OSError:
        return set()


def _children() -> set[int]:
    if not _LINUX:
        return set()
    me = os.getpid()
    return {int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _parent_of(entry) == me}


def _parent_of(entry: Path) -> int | None:
    fields = _stat(entry)
    return int(fields[1]) if fields else None


def _stat(entry: Path) -> list[str]:
    """State, parent and what follows; the name in brackets before them may hold anything."""
    try:
        return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
