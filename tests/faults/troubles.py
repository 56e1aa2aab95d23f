"""What befalls a deployment at once: WeChat hangs while guests log in, the disk is full, a stranger
guesses passwords, half-open connections stand. Each paces itself and counts what it was told."""

import os
import re
import resource
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter

from tests.faults.deployment import MINI, Deployment
from tests.faults.proxy import HALF_OPEN, begun
from tests.faults.servers import children_of
from tests.patience import PATIENCE_SECONDS

LOGINS_AT_ONCE, LOGIN_EVERY, GUESS_EVERY = 30, 0.2, 0.1
HANGS = {"path": "*", "hang": 3600, "times": 1_000_000}
STRANGER, STALLERS = "127.0.0.66", "127.0.0.67"
LOGS = ("web", "worker-1", "worker-2", "scheduler")
LOG_BYTES = 64 * 1024 * 1024
"""Longer than the database becomes, whose disk is another one."""

LOST = "worker-2"


@dataclass
class Troubles:
    """All of them, on a deployment that is reached at ``port``; what each was answered."""

    deployment: Deployment
    port: int
    told: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def befall(self) -> Iterator[None]:
        over = threading.Event()
        with ExitStack() as stack:
            stack.enter_context(self._wechat_hangs())
            stack.enter_context(self._disk_full())
            threads = [
                threading.Thread(target=work, args=(over,))
                for work in (self._guess, self._log_in, self._stall)
            ]
            for thread in threads:
                thread.start()
            try:
                yield
            finally:
                over.set()
                for thread in threads:
                    thread.join()

    @contextmanager
    def _wechat_hangs(self) -> Iterator[None]:
        faults = f"{self.deployment.wechat_url}/_sim/faults"
        assert requests.post(faults, json=HANGS, timeout=30).status_code == 201
        try:
            yield
        finally:
            requests.delete(faults, timeout=30)

    @contextmanager
    def _disk_full(self) -> Iterator[None]:
        """No log takes another byte. The supervisor, and what it starts meanwhile, can write
        nothing at all, while a worker has to be replaced."""
        with ExitStack() as stack:
            for name in LOGS:
                stack.enter_context(_at_its_end(self.deployment.data / "logs" / f"{name}.log"))
                for pid in (running := self.deployment.pid(name), *children_of(running)):
                    stack.enter_context(_limited(pid, LOG_BYTES))
            stack.enter_context(_limited(self.deployment.supervisor_pid, 0))
            self._lose()
            yield
        self._lose()

    def _lose(self) -> None:
        with suppress(OSError, ValueError):  # no pid file stands there while the disk is full
            os.kill(self.deployment.pid(LOST), signal.SIGKILL)

    def _guess(self, over: threading.Event) -> None:
        url = f"http://127.0.0.1:{self.port}/admin/login"
        with requests.Session() as stranger:
            stranger.mount("http://", _From(STRANGER))
            page = self._told("guess", lambda: stranger.get(url, timeout=PATIENCE_SECONDS))
            found = re.search(r'name="csrf_token" value="([^"]+)"', page.text if page else "")
            form = {"csrf_token": found[1] if found else "", "login": "boss"}
            number = 0
            while not over.wait(GUESS_EVERY):
                number += 1
                guess = form | {"password": f"guess-{number}-horse"}
                self._told("guess", lambda g=guess: stranger.post(url, g, timeout=PATIENCE_SECONDS))

    def _log_in(self, over: threading.Event) -> None:
        url = f"http://127.0.0.1:{self.port}/api/v1/login"

        def log_in(number: int) -> None:
            body = {"app_id": MINI, "code": f"code-{os.urandom(4).hex()}-{number}"}
            self._told("login", lambda: requests.post(url, json=body, timeout=PATIENCE_SECONDS))

        with ThreadPoolExecutor(LOGINS_AT_ONCE) as guests:
            for number in range(LOGINS_AT_ONCE):
                guests.submit(log_in, number)
            while not over.wait(LOGIN_EVERY):
                guests.submit(log_in, LOGINS_AT_ONCE)
            guests.shutdown(cancel_futures=True)

    def _stall(self, over: threading.Event) -> None:
        """Whose connection is taken away begins another."""
        lines: list[socket.socket] = []
        try:
            while not over.wait(0.2):
                for line in [line for line in lines if _is_closed(line)]:
                    lines.remove(line)
                    line.close()
                    self.told["stalled let go"] += 1
                with suppress(OSError):
                    while len(lines) < HALF_OPEN:
                        lines.append(begun(self.port, source=STALLERS))
                        self.told["stalled"] += 1
        finally:
            for line in lines:
                line.close()

    def _told(self, what: str, ask: Callable[[], requests.Response]) -> requests.Response | None:
        try:
            answer = ask()
        except requests.RequestException as error:
            self.told[f"{what} {type(error).__name__}"] += 1
            return None
        self.told[f"{what} {answer.status_code}"] += 1
        return answer


@contextmanager
def _at_its_end(log: Path) -> Iterator[None]:
    """A log that is as long as any file may become."""
    before = log.stat().st_size
    os.truncate(log, LOG_BYTES)
    try:
        yield
    finally:
        os.truncate(log, before)


@contextmanager
def _limited(pid: int, file_bytes: int) -> Iterator[None]:
    """A process whose files may become no longer than this."""
    limit = (file_bytes, resource.RLIM_INFINITY)
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


class _From(HTTPAdapter):
    """Calls that come from an address of their own."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: int, **kwargs: object) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=(self._address, 0))


def _is_closed(line: socket.socket) -> bool:
    line.setblocking(False)
    try:
        return line.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
