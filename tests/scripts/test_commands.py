"""The two commands say clearly what they cannot do, from any folder."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.environment import ROOT
from scripts.supervisor.deployment import environment_of, wechat_port_for
from scripts.supervisor.redis import answers, embedded_redis
from tests.patience import PATIENCE_SECONDS, own_port, until

pytestmark = pytest.mark.processes

RUN = str(ROOT / "scripts" / "run.py")
START = (
    "import sys; from scripts.supervisor import command, options;"
    "sys.exit(command.run(options.read_options(sys.argv[1:])))"
)


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """``scripts/run.py`` as somebody calls it who stands elsewhere."""
    return subprocess.run(
        [sys.executable, RUN, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def test_help_is_given_before_anything_is_installed(tmp_path: Path) -> None:
    answer = run("--help", cwd=tmp_path)

    assert answer.returncode == 0
    for option in ("--port", "--data", "--setup", "--no-demo", "--no-wechat", "--tour"):
        assert option in answer.stdout


@pytest.mark.parametrize(
    "arguments", [("--setup", "nowhere.yaml"), ("--port", "70000"), ("--tour", "--no-wechat")]
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, arguments: tuple[str, str]) -> None:
    answer = run(*arguments, cwd=tmp_path)

    assert answer.returncode == 2
    assert arguments[0] in answer.stderr or arguments[1] in answer.stderr


def test_a_taken_port_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = subprocess.run(
            [sys.executable, "-c", START, "--port", str(port), "--data", "here"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    assert answer.returncode == 1
    assert str(port) in answer.stdout
    assert list((tmp_path / "here" / "run").glob("*.pid")) == []


@pytest.mark.parametrize(
    ("version", "platform", "word"),
    [("(3, 10, 2)", "linux", "3.10"), ("(3, 12, 0)", "win32", "WSL")],
)
def test_a_machine_that_cannot_run_it_is_told_why(version: str, platform: str, word: str) -> None:
    program = (
        f"import sys; sys.version_info = {version}; sys.platform = {platform!r};"
        "from scripts.machine import refuse_unsuitable_machine as refuse; refuse()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True
    )

    assert answer.returncode == 1
    assert word in answer.stderr


@pytest.mark.parametrize("depth", [1, 12])
def test_the_embedded_redis_answers_under_a_short_and_a_long_path(
    tmp_path: Path, depth: int
) -> None:
    data = tmp_path.joinpath(*["数据 夹"] * depth)
    (data / "run").mkdir(parents=True)
    service, url = embedded_redis(data)
    assert url.startswith("unix:") == (len(os.fsencode(data / "run" / "redis.sock")) < 100)

    with subprocess.Popen(service.command, stdout=subprocess.DEVNULL) as process:
        try:
            until(lambda: answers(url), "Redis answers", alive=lambda: process.poll() is None)
        finally:
            process.terminate()


def test_what_the_person_set_wins_over_the_embedded_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:6379/0")
    monkeypatch.setenv("PUBLIC_URL", "https://quan.example")
    monkeypatch.delenv("DATABASE_URL", raising=False)

    told = environment_of(tmp_path, port=8000, wechat_port=None, dotenv=False)

    assert told["REDIS_URL"] == "redis://elsewhere:6379/0"
    assert told["PUBLIC_URL"] == "https://quan.example"
    assert told["DATABASE_URL"] == ""
    assert told["DATA_DIR"] == str(tmp_path)


def test_neighbouring_ports_get_wechat_platforms_that_do_not_meet_them() -> None:
    port = own_port()
    assert wechat_port_for(port) not in (port, port + 1)
