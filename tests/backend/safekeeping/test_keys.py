"""A wrong key stops the process before it does harm (fault of trust 13)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event

from backend import installation
from backend.database import db
from backend.installation import WrongKey
from backend.settings import Settings
from tests.backend.safekeeping.conftest import Embedded
from tests.builders import a_shop
from wsgi import create_app

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("environment", ["test", "production"])
@pytest.mark.parametrize("name", ["SECRET_KEY", "ENCRYPTION_KEY"])
def test_a_wrong_key_does_not_start_and_is_named(app: Flask, name: str, environment: str) -> None:
    installation.greet()
    ours: Settings = app.config["SETTINGS"]
    keys = {"secret_key": ours.secret_key, "encryption_key": ours.encryption_key}
    for right in (keys, keys | {name.lower(): "another-0123456789-abcdefghijklmnop"}):
        settings = Settings(
            environment=environment,  # type: ignore[arg-type]
            data_dir=ours.data_dir,
            database_url=ours.database_url,
            redis_url=ours.redis_url,
            public_url="https://quan.example",
            **right,
        )
        if right is keys:
            _closed(create_app(settings))
            continue
        with pytest.raises(WrongKey, match=name):
            create_app(settings)


def _closed(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()
    app.extensions["redis"].close()


@pytest.mark.parametrize(
    "words",
    [
        ("-m", "flask", "--app", "wsgi", "doctor"),
        ("-m", "jobs.worker"),
        ("-m", "jobs.scheduler"),
        ("-c", "import wsgi; wsgi.app"),
    ],
    ids=["command", "worker", "scheduler", "web"],
)
def test_no_kind_of_process_starts_with_it(embedded: Embedded, words: tuple[str, ...]) -> None:
    ended = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=os.environ
        | {
            "DATA_DIR": str(embedded.folder),
            "DATABASE_URL": "",
            "REDIS_URL": embedded.settings.redis_url,
            "SECRET_KEY": embedded.settings.secret_key,
            "ENCRYPTION_KEY": "another-0123456789-abcdefghijklmnop",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    assert "ENCRYPTION_KEY 与这份数据所用的不是同一个" in ended.stderr


def test_the_keys_are_asked_once_and_by_no_request(app: Flask) -> None:
    installation.greet()
    asked: list[str] = []

    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        app.test_client().get("/api/v1/cards")
        app.test_client().get("/admin/login")
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert not [statement for statement in asked if "installation" in statement]


def test_this_data_lives_here_on_every_database(app: Flask) -> None:
    a_shop()
    assert installation.why_not_living() == ""
    installation.greet()
    installation.settle(fenced_at=None)
    assert installation.why_not_living() == ""
