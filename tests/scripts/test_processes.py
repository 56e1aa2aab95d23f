"""The supervisor keeps real processes alive, and leaves none behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Timer

import pytest

from scripts.environment import ROOT

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="needs the Linux kernel's promises"),
]

NAMES = ("base", "one", "two")


class Toy:
    """A running toy supervisor and what it left in its data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.started: list[subprocess.Popen[str]] = []
        for name in ("run", "logs"):
            (data / name).mkdir()

    def start(self, *extra: str) -> subprocess.Popen[str]:
        """Start a supervisor; it has printed its first line when this returns."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.scripts.toy_supervisor", str(self.data), *extra],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        assert process.stdout is not None
        self.first_line = process.stdout.readline().strip()
        return process

    def pid(self, name: str) -> int:
        """The pid file's content, 0 while there is none."""
        path = self.data / "run" / f"{name}.pid"
        return int(path.read_text()) if path.exists() else 0

    def grandchild(self) -> int:
        """The pid that ``two`` wrote down."""
        path = self.data / "run" / "grandchild"
        _until(lambda: path.exists() and path.read_text() != "")
        return int(path.read_text())

    def everybody(self) -> list[int]:
        """All processes below the supervisor."""
        return [*map(self.pid, NAMES), self.grandchild()]


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Toy]:
    toy = Toy(tmp_path)
    yield toy
    with suppress(ProcessLookupError):
        os.kill(toy.grandchild(), signal.SIGKILL)
    for process in toy.started:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        process.wait(40)
        if process.stdout:
            process.stdout.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_child_is_back_within_five_seconds(toy: Toy, name: str) -> None:
    toy.start()
    before = toy.pid(name)

    os.kill(before, signal.SIGKILL)

    _until(lambda: toy.pid(name) not in (0, before), seconds=5)
    assert _lives(toy.pid(name))


def test_a_killed_child_takes_the_process_it_had_forked_along(toy: Toy) -> None:
    toy.start()
    orphan = toy.grandchild()

    os.kill(toy.pid("two"), signal.SIGKILL)

    _until(lambda: not _lives(orphan), seconds=5)


def test_a_child_that_dies_at_once_is_started_ever_more_slowly_but_always_again(toy: Toy) -> None:
    toy.start("broken")
    time.sleep(4)
    starts = (toy.data / "logs" / "broken.log").read_text().count("no such table")

    assert 3 <= starts <= 6


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_leaves_no_process_and_no_pid_file(toy: Toy, number: signal.Signals) -> None:
    supervisor = toy.start()
    everybody = toy.everybody()

    supervisor.send_signal(number)

    assert supervisor.wait(20) == 0
    assert [pid for pid in everybody if _lives(pid)] == []
    assert list((toy.data / "run").glob("*.pid")) == []


def test_the_foundation_is_stopped_after_the_others(toy: Toy) -> None:
    supervisor = toy.start("deaf")

    supervisor.send_signal(signal.SIGTERM)
    time.sleep(1)

    assert not (toy.data / "run" / "base-left").exists()
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(20) == 0
    assert (toy.data / "run" / "base-left").exists()


def test_a_second_ctrl_c_does_not_wait_for_a_deaf_child(toy: Toy) -> None:
    supervisor = toy.start("deaf")
    deaf = toy.pid("deaf")

    supervisor.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert _lives(deaf)
    supervisor.send_signal(signal.SIGINT)

    assert supervisor.wait(5) == 0
    assert not _lives(deaf)


def test_nobody_survives_a_supervisor_that_is_killed(toy: Toy) -> None:
    supervisor = toy.start()
    children = list(map(toy.pid, NAMES))

    supervisor.kill()
    supervisor.wait()

    _until(lambda: not any(map(_lives, children)), seconds=5)


def test_a_second_supervisor_on_the_same_data_is_refused_and_says_who_runs(toy: Toy) -> None:
    first = toy.start()

    second = toy.start()

    assert second.wait(5) == 1
    assert str(first.pid) in toy.first_line
    assert _lives(toy.pid("one"))


def test_a_start_right_after_a_killed_supervisor_waits_for_its_children(toy: Toy) -> None:
    first = toy.start()
    left, one = toy.grandchild(), toy.pid("one")
    os.kill(left, signal.SIGKILL)
    os.kill(one, signal.SIGSTOP)
    _until(lambda: _state(one) == "T")
    first.kill()
    first.wait()
    Timer(1, os.kill, (one, signal.SIGCONT)).start()
    assert _lives(one)

    toy.start()

    assert toy.first_line == "ready"
    assert not _lives(one)


def _until(is_so: Callable[[], bool], *, seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    return _state(pid) not in ("", "Z")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
