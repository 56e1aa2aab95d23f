"""The proxy of ``deploy/nginx.conf`` before web processes of this machine, and connections that
begin to say something and stop there (fault of trust 4)."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from scripts.environment import ROOT
from scripts.supervisor.redis import free_port
from tests.patience import PATIENCE_SECONDS, until

NGINX_CONF = ROOT / "deploy" / "nginx.conf"
HALF_OPEN = 40
needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not here")
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def nginx(folder: Path, web: int) -> Iterator[int]:
    """As deployed, but for where it listens and finds the web; its port."""
    port = free_port()
    text = NGINX_CONF.read_text().replace("server web:8000;", f"server 127.0.0.1:{web};")
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    own = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {\n", f"http {{\n    access_log off;\n{own}", 1)
    configuration = folder / "nginx.conf"
    configuration.write_text(f"daemon off;\npid {folder}/pid;\nerror_log {folder}/log;\n{text}")
    command = ["nginx", "-e", str(folder / "log"), "-c", str(configuration)]
    assert subprocess.run([*command, "-t"], capture_output=True).returncode == 0
    with running(command, dict(os.environ)):
        until_answers(port)
        yield port


@contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def half_open(port: int) -> Iterator[None]:
    """So many of them stand there."""
    with ExitStack() as stack:
        for _ in range(HALF_OPEN):
            stack.enter_context(begun(port))
        time.sleep(0.5)  # until they have been taken up
        yield


def begun(port: int, *, source: str = "127.0.0.1") -> socket.socket:
    """A connection that has begun a request."""
    line = socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(source, 0))
    line.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
    return line


def answers(port: int, *, seconds: float) -> bool:
    try:
        with opener.open(f"http://127.0.0.1:{port}/healthz", timeout=seconds) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until_answers(port: int) -> None:
    until(lambda: answers(port, seconds=2), "it answers")
