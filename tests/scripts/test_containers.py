"""Image, compose file and proxy as they stand: production unless told otherwise, and nothing but
the proxy is reached from outside (faults of trust 4 and 14)."""

import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from ruamel.yaml import YAML

from backend.settings import Settings, UnsafeSettings
from scripts.environment import ROOT
from scripts.supervisor.redis import free_port
from tests.faults.proxy import (
    NGINX_CONF,
    answers,
    half_open,
    needs_nginx,
    nginx,
    opener,
    running,
    until_answers,
)
from wsgi import believe_proxies, create_app

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def _compose() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(ROOT / "compose.yaml")
    return found


def test_the_image_is_production_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = dict(
        pair.split("=", 1)
        for line in DOCKERFILE.splitlines()
        if line.startswith("ENV ")
        for pair in line.split()[1:]
    )
    assert said["ENVIRONMENT"] == "production"
    for name in ("SECRET_KEY", "ENCRYPTION_KEY", "PUBLIC_URL", "ENVIRONMENT", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENVIRONMENT", said["ENVIRONMENT"])
    with pytest.raises(UnsafeSettings, match="SECRET_KEY"):
        Settings(data_dir=tmp_path)


def test_in_production_the_demo_till_signs_nothing(tmp_path: Path, redis_url: str) -> None:
    app = create_app(
        Settings(
            environment="production",
            data_dir=tmp_path,
            database_url="",
            redis_url=redis_url,
            public_url="https://quan.example",
            secret_key="the-secret-key-0123456789abcdefghi",
            encryption_key="the-encryption-key-0123456789abcd",
        )
    )
    http = app.test_client()
    assert http.get("/demo/pos/").status_code == 404
    assert http.post("/demo/pos/sign", json={}).status_code == 404
    app.extensions["redis"].close()


def test_the_image_listens_to_its_own_machine_only() -> None:
    assert "EXPOSE" not in DOCKERFILE
    assert "0.0.0.0" not in DOCKERFILE
    assert '"127.0.0.1:8000"' in DOCKERFILE


def test_the_compose_file_asks_for_every_secret_and_publishes_the_proxy_alone() -> None:
    services = _compose()["services"]
    assert {name for name, service in services.items() if "ports" in service} == {"proxy"}
    assert all(port.startswith("127.0.0.1:") for port in services["proxy"]["ports"])
    for name in ("web", "worker", "scheduler", "migrate"):
        told = services[name]["environment"]
        assert told["ENVIRONMENT"] == "production"
        assert told["TRUSTED_PROXIES"].endswith(":-1}")
        for secret in ("SECRET_KEY", "ENCRYPTION_KEY", "PUBLIC_URL"):
            assert told[secret].startswith(f"${{{secret}:?"), secret
        assert "${POSTGRES_PASSWORD:?" in told["DATABASE_URL"]


def test_a_proxy_is_believed_as_often_as_there_are_proxies() -> None:
    def seen_by(proxies: int) -> tuple[str | None, str]:
        app = Flask("seen")
        app.add_url_rule("/", "seen", lambda: [request.remote_addr, request.scheme])
        believe_proxies(app, proxies)
        headers = {"X-Forwarded-For": "6.6.6.6, 10.0.0.9", "X-Forwarded-Proto": "https"}
        told: list[str] = app.test_client().get("/", headers=headers).json  # type: ignore[assignment]
        return told[0], told[1]

    assert seen_by(0) == ("127.0.0.1", "http")
    assert seen_by(1) == ("10.0.0.9", "https")
    assert seen_by(2) == ("6.6.6.6", "https")


def test_metrics_stay_closed_behind_a_proxy_on_the_same_machine(app: Flask) -> None:
    inner = app.wsgi_app
    believe_proxies(app, 1)
    try:
        for claimed in ("127.0.0.1", "1.2.3.4, 127.0.0.1"):
            answer = app.test_client().get("/metrics", headers={"X-Forwarded-For": claimed})
            assert answer.status_code == 403
    finally:
        app.wsgi_app = inner  # type: ignore[method-assign]


@needs_nginx
@pytest.mark.processes
def test_forty_half_open_connections_hold_up_nobody_behind_the_proxy(tmp_path: Path) -> None:
    """The control goes straight to gunicorn, where the same forty stop everybody."""
    with _gunicorn(tmp_path) as web:
        with half_open(web):
            assert not answers(web, seconds=3)
        until_answers(web)
        with nginx(tmp_path, web) as front, half_open(front):
            assert answers(front, seconds=10)
            assert _status(front, "/metrics") == 404
            assert _status(front, "/pos/v1/events") == 401


@contextmanager
def _gunicorn(folder: Path) -> Iterator[int]:
    port = free_port()
    own = {"DATABASE_URL": "", "REDIS_URL": "redis://127.0.0.1:1/0", "WEB_PROCESSES": "1"}
    command = ("gunicorn", "-c", "scripts/web_server.py", "--bind", f"127.0.0.1:{port}", "wsgi:app")
    with running(
        [sys.executable, "-m", *command],
        os.environ | own | {"DATA_DIR": str(folder / "d"), "ENVIRONMENT": "development"},
    ):
        until_answers(port)
        yield port


def _status(port: int, path: str) -> int:
    try:
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_the_proxy_buffers_all_but_the_events_and_never_repeats_a_post() -> None:
    text = NGINX_CONF.read_text()
    for line in (
        "proxy_request_buffering on;",
        "client_header_timeout 10s;",
        "client_body_timeout 10s;",
        "proxy_next_upstream off;",
    ):
        assert line in text
    events = re.search(r"location = /pos/v1/events \{(.*?)\}", text, re.DOTALL)
    assert events is not None
    assert "proxy_buffering off;" in events[1]
