"""部署标识. Which living deployment this data belongs to, and the keys it was written under.

One row. A copy of the data (a copied folder, an older file put in its place, a backup) is not the
deployment: it does no background work until somebody says which one lives. A key that is not the
one the data was written under stops the process before it can do harm.
"""

import hashlib
import hmac
import json
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import CheckConstraint, Connection, Row, String, insert, select, text, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from backend import deployment, keys
from backend.database import (
    BaseModel,
    Instant,
    db,
    end_read,
    table_args,
    table_of,
    transaction,
)
from backend.errors import DomainError
from backend.heartbeat import Heartbeat
from backend.settings import UnsafeSettings

MARK = "alive.json"
"""Beside an embedded database: how far the living deployment had come."""


class Installation(BaseModel):
    """部署. ``home`` is where this data lives; ``epoch`` is new at every restore."""

    __tablename__ = "installation"
    __table_args__ = table_args(CheckConstraint("id = 1", name="single"))
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[str] = mapped_column(String(32))
    home: Mapped[str] = mapped_column(String(400))
    secret_check: Mapped[str] = mapped_column(String(64), comment="tells a wrong SECRET_KEY")
    encryption_check: Mapped[str] = mapped_column(String(64), comment="a wrong ENCRYPTION_KEY")
    fenced_at: Mapped[Instant | None] = mapped_column(comment="machine time of the last restore")
    backed_up_at: Mapped[Instant | None] = mapped_column(comment="set in backups only")


class NotTheLivingOne(DomainError):
    code = "NOT_THE_LIVING_ONE"
    message = (
        "{why}，已停止一切后台工作（不发消息、不发券、不查支付），以免与原部署重复。"
        "若由这一份继续营业，请执行 flask --app wsgi restore --fence；"
        "若只是搬了位置、原处不再运行，请执行 flask --app wsgi restore --moved"
    )
    http_status = 409


class WrongKey(UnsafeSettings):
    """The process must not start: what it would write could not be read with the other key."""


def greet() -> None:
    """Meet the data: make the row of a new deployment, refuse a wrong key. A database that does
    not answer, or has no tables yet, is met later."""
    if _is_unborn():
        return
    try:
        with db.engine.connect() as connection:
            connection.detach()  # a server may fork after this: nothing is left in the pool
            row = connection.execute(select(_installations)).one_or_none()
            if row is None:
                row = _first(connection)
    except SQLAlchemyError:
        return
    require_keys(row.secret_check, row.encryption_check)


def require_keys(secret_check: str, encryption_check: str) -> None:
    """Raise ``WrongKey`` unless ours are the keys that left these check values."""
    for name, ours, theirs in (
        ("SECRET_KEY", keys.check_value("secret"), secret_check),
        ("ENCRYPTION_KEY", keys.check_value("encryption"), encryption_check),
    ):
        if not hmac.compare_digest(ours, theirs):
            raise WrongKey(
                f"{name} 与这份数据所用的不是同一个：用它读不出已保存的内容。"
                f"请把原来的 {name} 写回环境变量、.env 或 DATA_DIR/keys.json 再启动"
                f"（恢复备份时，要用与备份一起保管的那份密钥）。"
                f" · {name} is not the one this data was written under."
            )


def require_living() -> None:
    """Raise ``NotTheLivingOne`` where this data is a copy."""
    if why := why_not_living():
        raise NotTheLivingOne(why=why)


def why_not_living() -> str:
    """Why this data is not the living deployment's; empty: it is. Ends the read."""
    end_read()
    mark = _mark()  # before the database is read: the living one may move both meanwhile
    with db.engine.connect() as connection:
        row = connection.execute(select(_installations)).one_or_none()
        if row is None:
            row = _first(connection)
        if row.backed_up_at is not None:
            return "这是一份备份，尚未恢复完"
        if row.home != _home(connection):
            return "这份数据不在它原来的位置，可能是一份拷贝"
        beaten = connection.scalar(_beaten)
        if mark is not None and (beaten is None or beaten < mark):
            return "这份数据库比本部署已运行到的时刻旧，是被换回来的"
    return ""


def settle(*, fenced_at: datetime | None) -> None:
    """This data lives here from now on; ``fenced_at`` (machine time) after a restore."""
    with db.engine.connect() as connection:
        home = _home(connection)
    values: dict[str, str | datetime | None] = {"home": home, "backed_up_at": None}
    if fenced_at is not None:
        values |= {"fenced_at": fenced_at, "epoch": secrets.token_hex(16)}
    with transaction():
        db.session.connection().execute(update(_installations).values(**values))
    _mark_path().unlink(missing_ok=True)


def mark_alive(at: datetime) -> None:
    """Remember beside an embedded database how far it has come. Written after the heartbeat of the
    same instant is stored, so that the mark is never ahead of the living database."""
    if db.engine.dialect.name != "sqlite":
        return
    draft = _mark_path().with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"beaten_at": at.astimezone(UTC).isoformat()}, file)
    draft.replace(_mark_path())


_installations, _heartbeats = table_of(Installation), table_of(Heartbeat)


def _first(connection: Connection) -> Row[Any]:
    try:
        connection.execute(
            insert(_installations).values(
                id=1,
                epoch=secrets.token_hex(16),
                home=_home(connection),
                secret_check=keys.check_value("secret"),
                encryption_check=keys.check_value("encryption"),
            )
        )
        connection.commit()
    except IntegrityError:  # another process was first
        connection.rollback()
    return connection.execute(select(_installations)).one()


def _is_unborn() -> bool:
    """An embedded database whose file has nothing in it yet: asking would only make it."""
    if db.engine.dialect.name != "sqlite":
        return False
    path = Path(db.engine.url.database or "")
    return not path.is_file() or path.stat().st_size == 0


def _home(connection: Connection) -> str:
    """Where this database lives, in words that a copy does not share.

    SQLite: this machine and the file's path. PostgreSQL: the server's and the database's own
    number. MariaDB has neither: its name. In production also PUBLIC_URL, which a test copy of a
    server's database would have another of.
    """
    match connection.dialect.name:
        case "sqlite":
            path = Path(connection.engine.url.database or "").resolve()
            return _fingerprint(_machine() or f"{path.stat().st_ino}", str(path))
        case "postgresql":
            number = connection.execute(
                text(
                    "select system_identifier, (select oid from pg_database"
                    " where datname = current_database()) from pg_control_system()"
                )
            ).one()
            return _fingerprint(*map(str, number), _address())
        case _:
            return _fingerprint(str(connection.engine.url.database), _address())


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _address() -> str:
    return deployment.public_url() if deployment.is_production() else ""


def _machine() -> str:
    """The machine's own number; containers have none, and are told by the file's."""
    for place in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        if (path := Path(place)).is_file() and (number := path.read_text().strip()):
            return number
    return ""


def _mark() -> datetime | None:
    if db.engine.dialect.name != "sqlite":
        return None
    try:
        return datetime.fromisoformat(json.loads(_mark_path().read_text())["beaten_at"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


_beaten = select(_heartbeats.c.beaten_at).where(_heartbeats.c.name == "scheduler")


def _mark_path() -> Path:
    return Path(db.engine.url.database or "").with_name(MARK)
