"""部署. What a deployment on one machine consists of, and in which order it comes up."""

import http.client
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dotenv import dotenv_values

from scripts.environment import ROOT
from scripts.supervisor.processes import Service, Supervisor, WillNotStart
from scripts.supervisor.redis import answers, embedded_redis, free_port, write_private

DEMO_SETUP = ROOT / "scripts" / "demo" / "setup.yaml"
READY_SECONDS = 90
WORKERS = ("worker-1", "worker-2")
_FOUND_BY_COMMANDS = (
    "DATABASE_URL",
    "REDIS_URL",
    "PUBLIC_URL",
    "WECHAT_API_BASE_URL",
    "WECHAT_PAY_API_BASE_URL",
)


@dataclass(frozen=True)
class Deployment:
    """Where everything is. ``wechat_port`` is None when the local WeChat platform is not wanted."""

    data: Path
    port: int
    wechat_port: int | None
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """Where the web server answers on this machine."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def wechat_url(self) -> str:
        """Where the local WeChat platform and its phone page answer."""
        return f"http://127.0.0.1:{self.wechat_port}"

    @property
    def setup(self) -> Path:
        """The set-up file this deployment was last started with."""
        return self.data / "setup.yaml"


@dataclass(frozen=True)
class Prepared:
    """Whether nobody lived here, and the JSON lines of those who can sign in since."""

    was_empty: bool
    logins: list[str]


def environment_of(
    data: Path, *, port: int, wechat_port: int | None, dotenv: bool = True
) -> dict[str, str]:
    """What every child is told: the person's own environment and ``.env`` first, then ours."""
    written = dotenv_values(ROOT / ".env") if dotenv else {}
    told = {name: value for name, value in written.items() if value} | dict(os.environ)
    defaults = {
        "ENVIRONMENT": "development",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        # set, so that a child does not take them from .env when we did not
        "DATABASE_URL": "",
        "REDIS_URL": "",
    }
    ours = {"DATA_DIR": str(data), "TZ": "Asia/Shanghai", "PYTHONUNBUFFERED": "1"}
    if wechat_port:
        for name in ("WECHAT_API_BASE_URL", "WECHAT_PAY_API_BASE_URL"):
            ours[name] = f"http://127.0.0.1:{wechat_port}"
    for name in ("NO_PROXY", "no_proxy"):
        ours[name] = ",".join(filter(None, (told.get(name), "127.0.0.1", "localhost")))
    return defaults | told | ours


def data_folder(chosen: Path | None) -> Path:
    """``--data``, else ``DATA_DIR``, else ``var/`` in the checkout; made if missing."""
    chosen = chosen or Path(os.environ.get("DATA_DIR", ""))
    if not chosen.name:
        chosen = ROOT / (dotenv_values(ROOT / ".env").get("DATA_DIR") or "var")
    data = chosen.resolve()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("run", "logs"):
        (data / name).mkdir(exist_ok=True)
    for log in (data / "logs").iterdir():  # of a version that let others read them
        log.chmod(0o600)
    return data


def port_is_free(port: int) -> bool:
    """Whether the web server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wechat_port_for(port: int) -> int:
    """The web server's port and 1000, so that neighbours on 8000 and 8001 do not meet; or any."""
    wanted = port + 1000
    return wanted if wanted < 65536 and port_is_free(wanted) else free_port()


def start_redis(supervisor: Supervisor, environment: dict[str, str]) -> None:
    """Start the embedded Redis unless one is given; write down where this deployment is, so that
    a command finds it by ``DATA_DIR``."""
    run = supervisor.data / "run"
    if not environment["REDIS_URL"]:
        service, environment["REDIS_URL"] = embedded_redis(supervisor.data)
        supervisor.start(service)
        _until_ready(supervisor, lambda: answers(environment["REDIS_URL"]), "redis")
    write_private(run / "redis.url", environment["REDIS_URL"] + "\n")
    told = ((name, environment.get(name)) for name in _FOUND_BY_COMMANDS)
    found = [f"{name}='{value}'\n" for name, value in told if value]
    write_private(run / "environment", "".join(found))


def prepare(
    supervisor: Supervisor,
    deployment: Deployment,
    *,
    first: str | None,
    told: Callable[[str], None],
) -> Prepared:
    """Migrate, and in an empty database make the ``first`` ones (``demo`` or ``operator``). The web
    server is loaded beside it, from when there are tables."""

    def hear(line: str) -> None:
        if line in ("empty", "inhabited"):
            supervisor.start(_web(deployment))
        told(line)

    asked = ("--first", first) if first else ()
    command = _python("scripts.supervisor.prepare", *asked)
    printed = supervisor.complete("prepare", command, told=hear).splitlines()
    return Prepared("empty" in printed, [line for line in printed if line.startswith("{")])


def set_up(supervisor: Supervisor, deployment: Deployment, file: Path) -> str:
    """Apply a set-up file, and keep it. What was printed tells the passwords made at random, a JSON
    line each."""
    told = supervisor.complete(
        "setup", _python("flask", "--app", "wsgi", "setup", "apply", str(file))
    )
    keep(deployment, file)
    return told


def keep(deployment: Deployment, file: Path) -> None:
    """Remember the set-up file applied last: the local WeChat platform reads its accounts there."""
    write_private(deployment.setup, file.read_text())


def start_all(supervisor: Supervisor, deployment: Deployment) -> None:
    """Start workers, scheduler and the local WeChat platform; return when they and web answer."""
    for service in _services(deployment):
        supervisor.start(service)
    ports = [deployment.port]
    if deployment.wechat_port:
        ports.append(deployment.wechat_port)
    _until_ready(supervisor, lambda: not any(map(port_is_free, ports)), "wechat")
    for path in ("/healthz", "/readyz"):
        _until_ready(supervisor, partial(_is_ok, deployment.port, path), path)


def _web(deployment: Deployment) -> Service:
    bind = f"127.0.0.1:{deployment.port}"
    configuration = str(ROOT / "scripts" / "web_server.py")
    return Service("web", _python("gunicorn", "-c", configuration, "--bind", bind, "wsgi:app"))


def _services(deployment: Deployment) -> list[Service]:
    services = []
    if deployment.wechat_port:
        services.append(Service("wechat", _python("scripts.wechat_platform", *_wechat(deployment))))
    services += [Service(name, _python("jobs.worker")) for name in WORKERS]
    services.append(Service("scheduler", _python("jobs.scheduler")))
    return services


def _wechat(deployment: Deployment) -> list[str]:
    arguments = ["--port", str(deployment.wechat_port), "--data", str(deployment.data / "wechat")]
    if deployment.setup.exists():
        arguments += ["--setup", str(deployment.setup)]
    return [*arguments, "--product", deployment.url]


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _until_ready(supervisor: Supervisor, is_ready: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + READY_SECONDS
    while not is_ready():
        supervisor.check_started()
        if time.monotonic() > until:
            raise WillNotStart(f"{what} 未就绪 · not ready after {READY_SECONDS} s")
        supervisor.wait(0.05)


def _is_ok(port: int, path: str) -> bool:
    """Asked without any proxy the environment may name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
