"""Keeps a set of processes alive: starts them, restarts what dies or stands still, stops them.

A child has a session of its own, so Ctrl-C reaches only the supervisor, which then ends the
children one after the other: what was started last goes first, and foundations (Redis) at the end.
Whatever the disk refuses (a log, a pid file), the services are tended: nothing of it ends the loop.
"""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from scripts.supervisor.kernel import adopt_orphans, die_with_parent, end_adopted, stopped_among
from scripts.supervisor.report import say, tail

LOOK_SECONDS = 0.1
STOPPED_LOOK_SECONDS = 1.0
QUICK_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 4.0
STOP_SECONDS = 25.0
LOG_BYTES = 5_000_000


class StopAsked(Exception):
    """Ctrl-C or SIGTERM came."""


class WillNotStart(Exception):
    """A process ended before the deployment was ready; the text says which and why."""


@dataclass(frozen=True)
class Service:
    """A process that should always be there. A foundation is stopped after all others."""

    name: str
    command: tuple[str, ...]
    foundation: bool = False


@dataclass
class _Child:
    service: Service
    process: subprocess.Popen[bytes]
    started_at: float
    quick_deaths: int = 0
    restart_at: float | None = None
    is_noted: bool = False


@dataclass
class Supervisor:
    """The processes of one data folder. ``lock`` is a descriptor every child inherits."""

    data: Path
    environment: Mapping[str, str]
    directory: Path
    lock: int
    _children: list[_Child] = field(default_factory=list)
    _errand: int = 0
    _stops_asked: int = 0
    _stopped: set[int] = field(default_factory=set)
    _stopped_look_at: float = 0.0

    def listen(self) -> None:
        """From here on signals ask for a stop, and orphans of our children are ours."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            signal.signal(signal.SIGHUP, self._on_signal)
        adopt_orphans()

    def start(self, service: Service) -> None:
        """Start a service and keep it alive from now on."""
        child = _Child(service, self._spawn(service), time.monotonic())
        self._children.append(child)
        self._note(child)

    def complete(
        self,
        name: str,
        command: tuple[str, ...],
        *,
        told: Callable[[str], None] = lambda _line: None,
    ) -> str:
        """Run a command to its end and return what it printed; its failure ends the start.
        ``told`` hears each line as it comes."""
        log = self._log_path(name)
        with self._log(name) as errors, tempfile.TemporaryFile() as output:
            hear = partial(next, _lines(output.fileno(), told))
            errand = self._popen(command, output.fileno(), errors.fileno())
            code = self._until_ended(errand, meanwhile=hear)
            output.seek(0)
            printed = output.read()
            if code:
                errors.write(printed)
        if code:
            raise WillNotStart(f"{name} 失败 · failed ({log}):\n{tail(log)}")
        return printed.decode(errors="replace")

    def accompany(self, command: tuple[str, ...]) -> int:
        """Run a command that speaks to the person at the terminal; its exit code."""
        return self._until_ended(self._popen(command, None, None))

    def wait(self, seconds: float) -> None:
        """Let time pass while tending the services; raises StopAsked."""
        until = time.monotonic() + seconds
        while True:
            if self._stops_asked:
                raise StopAsked
            self._tend()
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LOOK_SECONDS))

    def check_started(self) -> None:
        """Give up when a service died three times in a row before everything was ready."""
        for child in self._children:
            if child.quick_deaths >= 3:
                log = self._log_path(child.service.name)
                raise WillNotStart(f"{child.service.name} 无法启动 · will not start:\n{tail(log)}")

    def stop(self) -> None:
        """End every child, foundations last; after 25 s, or when asked once more, by force."""
        for foundation in (False, True):
            asked_before = max(self._stops_asked, 1)
            leaving = [
                child.process
                for child in reversed(self._children)
                if child.service.foundation is foundation
            ]
            for process in leaving:
                process.terminate()
            until = time.monotonic() + STOP_SECONDS
            while any(process.poll() is None for process in leaving):
                if time.monotonic() > until or self._stops_asked > asked_before:
                    break
                time.sleep(LOOK_SECONDS / 2)
            for process in leaving:
                _end(process)
        while end_adopted(own=set()):
            pass
        for child in self._children:
            with suppress(OSError):
                self._pid_path(child.service.name).unlink(missing_ok=True)
        self._children.clear()

    def _until_ended(
        self, process: subprocess.Popen[bytes], *, meanwhile: Callable[[], object] = bool
    ) -> int:
        self._errand = process.pid
        try:
            while process.poll() is None:
                self.wait(LOOK_SECONDS)
                meanwhile()
        finally:
            _end(process)
            self._errand = 0
        return process.returncode

    def _tend(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.restart_at is None and child.process.poll() is not None:
                self._note_death(child, now)
            if child.restart_at is not None and child.restart_at <= now:
                self._start_again(child, now)
            if not child.is_noted:
                self._note(child)
        if now >= self._stopped_look_at:
            self._stopped_look_at = now + STOPPED_LOOK_SECONDS
            self._end_stopped()

    def _start_again(self, child: _Child, now: float) -> None:
        try:
            child.process = self._spawn(child.service)
        except OSError as error:
            child.restart_at = now + LONGEST_PAUSE_SECONDS
            say(f"{child.service.name} 暂时无法启动 · cannot be started yet: {error}")
            return
        child.started_at, child.restart_at, child.is_noted = now, None, False

    def _end_stopped(self) -> None:
        """What stood still at two looks running is killed, and then is replaced like any dead."""
        running = (child for child in self._children if child.restart_at is None)
        stopped = stopped_among({child.process.pid for child in running})
        for pid in stopped & self._stopped:
            say(f"进程 {pid} 停住了,将被替换 · stands still and is replaced")
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._stopped = stopped

    def _note_death(self, child: _Child, now: float) -> None:
        _end(child.process)
        end_adopted(own={each.process.pid for each in self._children} | {self._errand})
        quick = now - child.started_at < QUICK_SECONDS
        child.quick_deaths = child.quick_deaths + 1 if quick else 0
        pause = 0.0
        if child.quick_deaths > 1:
            pause = min(0.25 * 2 ** (child.quick_deaths - 1), LONGEST_PAUSE_SECONDS)
        child.restart_at = now + pause
        say(
            f"{child.service.name} 已退出({child.process.returncode}),重新启动 · ended, "
            f"starting again{f' in {pause:g} s' if pause else ''} "
            f"({self._log_path(child.service.name)})"
        )

    def _spawn(self, service: Service) -> subprocess.Popen[bytes]:
        with self._log(service.name) as log:
            return self._popen(service.command, log.fileno(), log.fileno())

    def _note(self, child: _Child) -> None:
        """Write the pid file; on a full disk none stands there until there is room again."""
        path = self._pid_path(child.service.name)
        draft = path.with_suffix(".draft")
        try:
            draft.write_text(f"{child.process.pid}\n")
            draft.replace(path)
            child.is_noted = True
        except OSError:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _popen(
        self, command: tuple[str, ...], stdout: int | None, stderr: int | None
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid()),
            pass_fds=(self.lock,),
        )

    def _log(self, name: str) -> BinaryIO:
        """The log to append to; a full one is put aside, and the one before it goes. Where there
        is no room for one, nothing is kept."""
        path = self._log_path(name)
        try:
            if path.exists() and path.stat().st_size > LOG_BYTES:
                path.replace(path.with_suffix(".log.1"))
            return path.open("ab")
        except OSError:
            return Path(os.devnull).open("ab")

    def _log_path(self, name: str) -> Path:
        return self.data / "logs" / f"{name}.log"

    def _pid_path(self, name: str) -> Path:
        return self.data / "run" / f"{name}.pid"

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stops_asked += 1


def _lines(output: int, told: Callable[[str], None]) -> Iterator[None]:
    """At each ``next``: tell the lines that were printed since."""
    heard = 0
    while True:
        whole, line_end, _ = os.pread(output, 65536, heard).rpartition(b"\n")
        heard += len(whole + line_end)
        for line in whole.splitlines():
            told(line.decode(errors="replace"))
        yield


def _end(process: subprocess.Popen[bytes]) -> None:
    """Make sure a child and its process group are gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
