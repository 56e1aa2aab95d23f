"""A small embedded deployment of its own folder, whatever database the session is on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade

from backend import installation, requesting
from backend.database import db
from backend.settings import Settings
from scripts.wechat_platform.server import Platform
from tests.conftest import StillClock
from wsgi import create_app


@dataclass
class Embedded:
    """The app, its folder, its settings."""

    app: Flask
    settings: Settings

    @property
    def folder(self) -> Path:
        return self.settings.data_dir

    @property
    def database(self) -> Path:
        return self.folder / "quanbao.db"

    def flask(self, *words: str) -> tuple[int, str]:
        answer = self.app.test_cli_runner().invoke(args=list(words))
        return answer.exit_code, answer.output


@pytest.fixture
def embedded(
    tmp_path: Path, redis_url: str, wechat_platform: Platform, clock: StillClock
) -> Iterator[Embedded]:
    settings = Settings(
        environment="test",
        data_dir=tmp_path / "d",
        database_url="",
        redis_url=redis_url,
        secret_key="the-secret-key-0123456789abcdefghi",
        encryption_key="the-encryption-key-0123456789abcd",
        wechat_api_base_url=wechat_platform.url,
    )
    app = create_app(settings)
    app.testing = True
    with app.app_context():
        upgrade()
        installation.greet()
        requesting.begin("test")
        yield Embedded(app, settings)
        db.session.remove()
        db.engine.dispose()
    app.extensions["redis"].close()
