"""部署. Everything real, in a folder of its own: Redis, web, two workers, a scheduler, the local
WeChat platform, under the supervisor of ``run.py`` that starts again what dies.

``furnish`` makes the folder once; every test works on a copy.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from redis import Redis
from sqlalchemy import Engine, create_engine, update

from backend import models
from backend.clock import ClockAnchor
from backend.database import table_of
from scripts.environment import ROOT
from tests.faults.crowd import arrive
from tests.faults.servers import RedisServer, children_of, is_alive, kill
from tests.patience import PATIENCE_SECONDS, own_port, until

WORKERS = ("worker-1", "worker-2")
OA, MINI, TEMPLATE = "wxoa0001", "wxmini0001", "TPL1"
SETUP = Path(__file__).with_name("setup.yaml")
COUNTER = Path(__file__).with_name("counter.yaml")
OPENED = "2026-11-23T08:00:00+08:00"
BEFORE, SLOT = "2026-11-23T08:59:00+08:00", "2026-11-23T09:00:00+08:00"
LEASE_SECONDS = 5
PEOPLE = 200
CLAIMER = "guest-00001"

_START = (
    "import sys; from scripts.supervisor import command, options;"
    "sys.exit(command.run(options.read_options(sys.argv[1:])))"
)
_LATER = datetime(2026, 11, 20, 12, tzinfo=ZoneInfo("Asia/Shanghai"))


@dataclass
class Deployment:
    """One data folder and what runs on it."""

    data: Path
    redis: RedisServer
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    setup: Path = SETUP
    _others: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _supervisor: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def wechat_url(self) -> str:
        """Where the local WeChat platform answers, as the supervisor wrote it down."""
        written = dotenv_values(self.data / "run" / "environment")
        return str(written["WECHAT_API_BASE_URL"])

    @property
    def platform(self) -> Path:
        """The memory of the local WeChat platform."""
        return self.data / "wechat" / "wechat-platform.sqlite"

    @property
    def database(self) -> Path:
        return self.data / "quanbao.db"

    @property
    def environment(self) -> dict[str, str]:
        ours = {
            "DATA_DIR": str(self.data),
            "REDIS_URL": self.redis.url,
            "DATABASE_URL": "",
            "ENVIRONMENT": "development",
            "WEB_PROCESSES": "1",
            "WAVE_CHUNK": "4",
            "SEND_LEASE_SECONDS": str(LEASE_SECONDS),
            "TZ": "Asia/Shanghai",
        }
        return dict(os.environ) | ours | dict(self.settings)

    def start(self) -> None:
        """The whole deployment; returns when it is ready."""
        self.redis.start()
        self.port = own_port()
        arguments = ("--data", str(self.data), "--port", str(self.port), "--setup", str(self.setup))
        with (self.data / "logs" / "supervisor.log").open("wb") as log:
            self._supervisor = self._popen(("-c", _START, *arguments), log.fileno())
        until(self._is_ready, what=f"the deployment is ready:\n{self.logs()}")

    def stop(self) -> None:
        """End everything, the supervisor first, which ends what it started."""
        self.stop_processes()
        self.redis.kill()
        self.engine.dispose()

    def stop_processes(self) -> None:
        """End all but Redis."""
        if self._supervisor is not None:
            self._supervisor.send_signal(signal.SIGINT)
            try:
                self._supervisor.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self._supervisor.kill()
                raise
        for process in self._others:
            process.kill()
            process.wait()

    def flask(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """A command of the product, as a person at the terminal gives it."""
        return self.run("flask", "--app", "wsgi", *arguments, **settings)

    def run(
        self, module: str, *arguments: str, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """A module as a program, to its end."""
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=self.environment | settings,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    def set_clock(self, time: str) -> None:
        """As ``flask clock set`` does, without waiting for a process to start."""
        anchor = table_of(ClockAnchor)
        now = {"business_at": datetime.fromisoformat(time), "machine_at": datetime.now(UTC)}
        with self.engine.begin() as connection:
            connection.execute(update(anchor).values(now | {"held": False}))

    def also_run(self, module: str) -> None:
        """One process more than the supervisor knows of, such as a second scheduler."""
        with (self.data / "logs" / f"also-{module}.log").open("wb") as log:
            self._others.append(self._popen(("-m", module), log.fileno()))

    def pid(self, name: str) -> int:
        return int((self.data / "run" / f"{name}.pid").read_text())

    @property
    def supervisor_pid(self) -> int:
        assert self._supervisor is not None
        return self._supervisor.pid

    def horses(self) -> list[int]:
        """The children of the workers that are at work now."""
        return [horse for worker in WORKERS for horse in children_of(self.pid(worker))]

    def busy_workers(self) -> list[int]:
        return [pid for pid in map(self.pid, WORKERS) if children_of(pid)]

    def kill_trees(self) -> None:
        """Both workers with their horses."""
        parents = [self.pid(worker) for worker in WORKERS]
        kill(*parents, *(horse for parent in parents for horse in children_of(parent)))

    def kill_parents(self) -> None:
        """Only the parents of the workers at work; no horse may outlive them for long."""
        parents = until_some(self.busy_workers, "a worker is at work")
        horses = [horse for parent in parents for horse in children_of(parent)]
        kill(*parents)
        until(lambda: not any(map(is_alive, horses)), what="the horses follow their parent")

    def kill_horses(self) -> None:
        """Only the children at work."""
        kill(*until_some(self.horses, "a horse is at work"))

    def kill_scheduler(self) -> None:
        kill(self.pid("scheduler"))

    def empty_redis(self) -> None:
        """FLUSHALL."""
        with Redis.from_url(self.redis.url) as redis:
            redis.flushall()

    def replace_redis(self) -> None:
        """Killed, and back empty."""
        self.redis.kill()
        self.redis.start()

    @cached_property
    def engine(self) -> Engine:
        """The database, for whoever looks in from outside."""
        models.load_all()
        return create_engine(f"sqlite:///{self.database}")

    def logs(self) -> str:
        """The end of every log, for whoever asks why."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}"
            for log in sorted((self.data / "logs").glob("*.log"))
        )

    def _is_ready(self) -> bool:
        assert self._supervisor is not None
        assert self._supervisor.poll() is None, self.logs()
        return "Quanbao is ready" in (self.data / "logs" / "supervisor.log").read_text()

    def _popen(self, arguments: tuple[str, ...], log: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def until_some(found: Callable[[], list[int]], what: str) -> list[int]:
    """What is found as soon as there is some."""
    seen: list[int] = []

    def look() -> list[int]:
        seen[:] = found()
        return seen

    until(look, what=what)
    return seen


@contextmanager
def furnished_folder() -> Iterator[Path]:
    """A furnished folder, for as long as somebody copies from it."""
    folder = Path(tempfile.mkdtemp(prefix="qf-"))
    try:
        furnish(folder / "d")
        yield folder / "d"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def furnish(data: Path) -> None:
    """Migrated, set up, inhabited, the business clock held a minute before the slot."""
    for name in ("run", "logs", "redis"):
        (data / name).mkdir(parents=True)
    deployment = Deployment(data, RedisServer(data / "redis"))
    made = deployment.run("scripts.supervisor.prepare", CLOCK_START=OPENED)
    assert made.returncode == 0, made.stderr
    for command in (("clock", "set", BEFORE, "--hold"), ("setup", "apply", str(SETUP))):
        answer = deployment.flask(*command)
        assert answer.returncode == 0, answer.stderr
    shutil.copy(SETUP, data / "setup.yaml")
    arrive(
        deployment.engine,
        deployment.platform,
        people=PEOPLE,
        oa=OA,
        mini=MINI,
        template=TEMPLATE,
        at=_LATER,
    )
    deployment.engine.dispose()


def copy_folder(furnished: Path, data: Path) -> None:
    """A deployment of its own out of a copy, which by itself does no work (fault of trust 8)."""
    shutil.copytree(furnished, data)
    with closing(sqlite3.connect(data / "quanbao.db")) as database, database:
        database.execute("delete from installation")
    (data / "alive.json").unlink(missing_ok=True)


@contextmanager
def copied(furnished: Path, **settings: str) -> Iterator[Deployment]:
    """A deployment on a copy of the furnished folder, stopped and gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="qf-"))
    data = folder / "d"
    copy_folder(furnished, data)
    deployment = Deployment(data, RedisServer(data / "redis"), settings)
    try:
        yield deployment
    finally:
        deployment.stop()
        shutil.rmtree(folder, ignore_errors=True)
