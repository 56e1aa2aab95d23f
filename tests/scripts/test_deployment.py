"""A whole deployment as ``run.py`` starts it: it answers, survives a loss, and leaves nothing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from scripts.environment import ROOT
from scripts.supervisor.deployment import WORKERS, port_is_free
from tests.faults.servers import children_of, is_alive
from tests.patience import PATIENCE_SECONDS, own_port, until

pytestmark = pytest.mark.processes

START = (
    "import sys; from scripts.supervisor import command, options;"
    "sys.exit(command.run(options.read_options(sys.argv[1:])))"
)
READY = {"status": "ok", "problems": [], "degraded": []}
EVERYBODY = {"redis", "web", "wechat", "scheduler", *WORKERS}


def test_a_deployment_starts_twice_survives_the_loss_of_web_and_redis_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    port = own_port()
    for lost in ("web", "redis"):
        with _start(tmp_path, port) as process:
            try:
                pids = _pids(tmp_path)
                assert set(pids) == EVERYBODY
                _lose(tmp_path, lost, pids[lost], process)
                assert _open_to_others(tmp_path) == []
                until(lambda: _ready(port) == READY, "it is ready again", alive=_runs(process))
            finally:
                process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_SECONDS) == 0
        assert _pids(tmp_path) == {}
        assert port_is_free(port)


def test_a_web_process_that_stands_still_is_replaced_by_its_master(tmp_path: Path) -> None:
    port = own_port()
    with _start(tmp_path, port) as process:
        try:
            master = _pids(tmp_path)["web"]
            stopped = children_of(master)[0]
            os.kill(stopped, signal.SIGSTOP)
            until(lambda: not is_alive(stopped), "it is ended", alive=_runs(process))
            until(lambda: _ready(port) == READY, "the others and the new one serve")
            assert _pids(tmp_path)["web"] == master
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0


def _lose(data: Path, name: str, pid: int, supervisor: subprocess.Popen[str]) -> None:
    """Kill a process, and wait until another one stands in its place."""
    os.kill(pid, signal.SIGKILL)
    until(
        lambda: _pids(data).get(name, pid) != pid,
        f"another {name} stands in its place",
        alive=_runs(supervisor),
    )


def _runs(process: subprocess.Popen[str]) -> Callable[[], bool]:
    return lambda: process.poll() is None


def _start(data: Path, port: int) -> subprocess.Popen[str]:
    """Start an empty deployment; it answers when this returns."""
    own = {name: value for name, value in os.environ.items() if name not in _OTHER_DEPLOYMENTS}
    process = subprocess.Popen(
        [sys.executable, "-c", START, "--port", str(port), "--data", str(data), "--no-demo"],
        cwd=ROOT,
        env=own,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if f"http://127.0.0.1:{port}/admin/" in line:
            return process
    raise AssertionError("".join(printed))


_OTHER_DEPLOYMENTS = {"DATABASE_URL", "REDIS_URL", "DATA_DIR", "ENVIRONMENT", "CLOCK_START"}


def _open_to_others(data: Path) -> list[str]:
    """Files of the deployment that somebody else on the machine may read (fault of trust 17)."""
    files = (path for path in data.rglob("*") if path.is_file())
    return [str(path) for path in files if path.stat().st_mode & 0o077]


def _pids(data: Path) -> dict[str, int]:
    return {path.stem: int(path.read_text()) for path in (data / "run").glob("*.pid")}


def _ready(port: int) -> object:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/readyz")
        return json.loads(connection.getresponse().read())
    except OSError:
        return None
    finally:
        connection.close()
