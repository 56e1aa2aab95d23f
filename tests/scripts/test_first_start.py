"""The first ten minutes: what a first start tells while it works, and what it tells in the end."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from scripts.environment import ROOT
from tests.patience import PATIENCE_SECONDS, own_port

pytestmark = pytest.mark.processes

START = (
    "import sys; from scripts.supervisor import command, options;"
    "sys.exit(command.run(options.read_options(sys.argv[1:])))"
)
END = "Ctrl-C"
_OTHER_DEPLOYMENTS = {"DATABASE_URL", "REDIS_URL", "DATA_DIR", "ENVIRONMENT", "CLOCK_START"}


@contextmanager
def started(data: Path, port: int, *options: str) -> Iterator[Iterator[str]]:
    """A deployment, and what it prints up to its last line, line by line as it comes."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, "--port", str(port), "--data", str(data), *options],
        cwd=ROOT,
        env={name: told for name, told in os.environ.items() if name not in _OTHER_DEPLOYMENTS},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield _lines(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line.rstrip()
        if END in line:
            return


def test_the_demo_tells_how_far_it_is_whom_to_be_and_what_to_try_first(tmp_path: Path) -> None:
    port = own_port()
    with started(tmp_path, port) as lines:
        printed = []
        for line in lines:
            printed.append(line)
            if line.startswith("  ") and "Quanbao is ready" not in "".join(printed):
                assert not (tmp_path / "run" / "scheduler.pid").exists(), "it is told meanwhile"
        told = "\n".join(printed)
        _in_this_order(
            told,
            "演示商家",
            "3000 位会员",
            "一年的账单",
            "写入数据库",
            "已就绪",
            "登录",
            "先试这些",
        )
        at_first = told.partition("先试这些")[2]
        assert f"http://127.0.0.1:{port + 1000}/" in told
        phone_page = requests.get(f"http://127.0.0.1:{port + 1000}/", timeout=30).text
        for person in ("王小勇", "店员小张", "新顾客小林"):
            assert person in at_first
            assert person in phone_page, "whom to be is there to be chosen"
        login, password = re.search(r"(boss@xinghuo) / (\S+)", told).groups()  # type: ignore[union-attr]
        assert login in at_first
        assert _signs_in(port, login, password)
        command = at_first.partition("DATA_DIR=")[2].splitlines()[0].split()
        assert command[0] == str(tmp_path)
        assert command[1:] == [".venv/bin/flask", "--app", "wsgi", "clock", "set", "09:00"]

    with started(tmp_path, port) as lines:
        told = "\n".join(lines)
        assert "演示商家" not in told
        assert "先试这些" not in told
        assert not re.search(r"@xinghuo / ", told), "passwords are shown once"
        assert "staff reset" in told


def test_without_the_demo_the_first_operator_is_made_told_once_and_gets_in(tmp_path: Path) -> None:
    port = own_port()
    with started(tmp_path, port, "--no-demo", "--no-wechat") as lines:
        told = "\n".join(lines)
        assert "演示商家" not in told
        assert "先试这些" not in told
        login, password = re.search(r"运营者 · operator  (\S+) / (\S+)", told).groups()  # type: ignore[union-attr]
        assert _signs_in(port, login, password)
        assert not _signs_in(port, login, "another-password")

    with started(tmp_path, port, "--no-demo", "--no-wechat") as lines:
        assert "运营者 · operator" not in "\n".join(lines)


def _in_this_order(told: str, *words: str) -> None:
    places = [told.find(word) for word in words]
    assert -1 not in places, words[places.index(-1)]
    assert places == sorted(places)


def _signs_in(port: int, login: str, password: str) -> bool:
    """Whether the desk lets them in, asked as a browser asks."""
    address = f"http://127.0.0.1:{port}/admin/login"
    with requests.Session() as browser:
        page = browser.get(address, timeout=30).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        form = {"csrf_token": token[1], "login": login, "password": password}
        return browser.post(address, form, timeout=30, allow_redirects=False).status_code == 302
