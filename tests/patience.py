"""Waiting for real processes: by what comes about, never by how fast the machine is today."""

import fcntl
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from scripts.supervisor.deployment import port_is_free

LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 300
"""Longer than any healthy machine takes, however busy: whoever waits so long waits in vain."""

_WEB_PORTS = range(20000, 21000)
"""Below those that the kernel gives away by itself; the WeChat platforms stand 1000 higher."""


def until(
    true: Callable[[], object], what: str, *, alive: Callable[[], object] = lambda: True
) -> float:
    """Wait for it; how long that took. ``alive`` says whether who must do it still lives: without
    that sign nobody waits on."""
    began = time.monotonic()
    while not true():
        if not alive() and not true():
            raise AssertionError(f"nobody is left who could do it: {what}")
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain: {what}")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began


def own_port() -> int:
    """A port, and the one 1000 above it, which no other run of the tests gets while we live."""
    folder = Path(tempfile.gettempdir()) / f"quanbao-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for port in random.sample(_WEB_PORTS, len(_WEB_PORTS)):
        claim = (folder / str(port)).open("w")
        if _is_mine(claim) and port_is_free(port) and port_is_free(port + 1000):
            _CLAIMS.append(claim)
            return port
        claim.close()
    raise AssertionError("no port is left")


_CLAIMS: list[TextIO] = []


def _is_mine(claim: TextIO) -> bool:
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
