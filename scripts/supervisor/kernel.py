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


def _children() -> set[int]:
    if not _LINUX:
        return set()
    me = os.getpid()
    return {int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _parent_of(entry) == me}


def _parent_of(entry: Path) -> int | None:
    """The fourth field of ``stat``; the second, the name in brackets, may hold anything."""
    try:
        return int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None
