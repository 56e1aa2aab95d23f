"""How long the supervisor lets a child be dead, or stand still, by its own clock: ``python -m
tests.scripts.unhurried DATA SIGKILL|SIGSTOP [SECONDS]`` prints it. ``SECONDS`` between two looks
for who stands still, other than its own.

A process of its own, because a supervisor ends whatever children it finds.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from scripts.environment import ROOT
from scripts.supervisor import processes
from scripts.supervisor.processes import LOOK_SECONDS, QUICK_SECONDS, Service, Supervisor
from tests.faults.servers import is_alive
from tests.patience import PATIENCE_SECONDS, until

BETWEEN_TWO_LOOKS = 0.1
"""The blow falls shortly after a look, which is the worst moment."""


class UnhurriedMachine:
    """The supervisor's clock and its kills, on a machine that is never busy: time passes only while
    the supervisor sleeps, and who is killed is dead when the kill returns."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def kill(self, pid: int, number: int) -> None:
        os.kill(pid, number)
        until(lambda: not is_alive(pid), "it is dead")

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(os, name)


def main(data: Path, blow: signal.Signals) -> float:
    machine = UnhurriedMachine()
    processes.time = processes.os = machine  # type: ignore[assignment, attr-defined]
    for name in ("run", "logs"):
        (data / name).mkdir()
    lock = os.open(data / "lock", os.O_CREAT)
    supervisor = Supervisor(data, dict(os.environ), ROOT, lock)
    supervisor.start(Service("one", ("sleep", "1000")))
    try:
        supervisor.wait(QUICK_SECONDS + BETWEEN_TWO_LOOKS)
        first = _pid(data)
        os.kill(first, blow)
        until(lambda: _has_fallen(first, blow), "the blow has fallen")
        began = machine.at
        while _pid(data) == first:
            assert machine.at - began < PATIENCE_SECONDS
            supervisor.wait(LOOK_SECONDS)
        return machine.at - began
    finally:
        supervisor.stop()


def _pid(data: Path) -> int:
    return int((data / "run" / "one.pid").read_text())


def _has_fallen(pid: int, blow: signal.Signals) -> bool:
    if blow is signal.SIGKILL:
        return not is_alive(pid)
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


if __name__ == "__main__":
    if len(sys.argv) > 3:
        processes.STOPPED_LOOK_SECONDS = float(sys.argv[3])
    print(main(Path(sys.argv[1]), signal.Signals[sys.argv[2]]))  # noqa: T201
