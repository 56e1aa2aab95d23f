"""The examples and test vectors of docs/till-api: every language signs as the product does."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import pytest
from flask import Flask
from werkzeug.serving import make_server

from miniprogram_api.pos.signature import sign
from tests.builders import a_member, a_shop

EXAMPLES = Path(__file__).parents[3] / "docs/till-api"


class Vector(TypedDict):
    """One request and its signature, as docs/till-api/vectors.json has them."""

    name: str
    key: str
    secret: str
    method: str
    path: str
    timestamp: str
    nonce: str
    body: str
    signature: str


VECTORS: list[Vector] = json.loads((EXAMPLES / "vectors.json").read_text())
every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])


@every_vector
def test_the_product_signs_as_the_vectors_say(vector: Vector) -> None:
    signature = sign(
        vector["secret"],
        method=vector["method"],
        path=vector["path"],
        timestamp=vector["timestamp"],
        nonce=vector["nonce"],
        body=vector["body"].encode(),
    )
    assert signature == vector["signature"]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """How each example is run, where its language is installed."""
    found = {
        "python": [sys.executable, "till.py"],
        "shell": ["sh", "till.sh"],
        "java": ["java", "Till.java"],
        "php": ["php", "till.php"],
    }
    if shutil.which("mcs"):
        built = tmp_path_factory.mktemp("examples") / "Till.exe"
        command = ["mcs", f"-out:{built}", "-r:System.Net.Http", str(EXAMPLES / "Till.cs")]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            found["mono"] = ["mono", str(built)]
    return {name: command for name, command in found.items() if shutil.which(command[0])}


@pytest.mark.parametrize("language", ["python", "shell", "java", "php", "mono"])
def test_an_example_signs_as_the_vectors_say(programs: dict[str, list[str]], language: str) -> None:
    command = programs.get(language)
    if command is None or (language == "shell" and not shutil.which("openssl")):
        pytest.skip(f"{language} is not installed")
    for vector in VECTORS:
        told = {
            "QB_KEY": vector["key"],
            "QB_SECRET": vector["secret"],
            "QB_TIMESTAMP": vector["timestamp"],
            "QB_NONCE": vector["nonce"],
            "QB_SIGN_ONLY": "1",
        }
        asked = [*command, vector["method"], vector["path"], vector["body"]]
        assert f'signature="{vector["signature"]}"' in _run(asked, told), vector["name"]


@pytest.mark.parametrize("language", ["python", "shell", "java", "php", "mono"])
def test_an_example_is_answered(app: Flask, programs: dict[str, list[str]], language: str) -> None:
    command = programs.get(language)
    if command is None or (language == "shell" and not shutil.which("curl")):
        pytest.skip(f"{language} is not installed")
    shop = a_shop()
    member_id = a_member(shop, phone="13800000000", nickname="安娜")
    with _serving(app) as url:
        told = {"QB_URL": url, "QB_KEY": shop.pos_key, "QB_SECRET": shop.pos_secret}
        identify = [*command, "POST", "/pos/v1/members/identify", '{"phone":"13800000000"}']
        assert json.loads(_run(identify, told))["member"]["id"] == member_id
        refused = _run(identify, {**told, "QB_SECRET": "another"}, succeeds=False)
        assert json.loads(refused)["code"] == "SIGNATURE_INVALID"


@contextmanager
def _serving(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _run(command: list[str], told: dict[str, str], *, succeeds: bool = True) -> str:
    """What it prints; proxies of this machine are not asked for a loopback address."""
    environment = {**os.environ, **told, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        command, cwd=EXAMPLES, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode == 0) is succeeds, done.stderr
    return done.stdout
