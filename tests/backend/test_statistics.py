"""统计: SQLite's planner knows the tables after bulk work, and a busy database is no failure."""

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from backend import dialects, statistics
from backend.database import db
from backend.members.models import Member
from tests.builders import a_member, a_shop


@pytest.fixture(autouse=True)
def on_sqlite(app: Flask) -> Iterator[None]:
    if db.engine.dialect.name != "sqlite":
        assert not statistics.refresh()
        pytest.skip("servers look by themselves")
    _forget()
    yield
    _forget()


def _forget() -> None:
    if _known():
        with db.engine.begin() as connection:
            connection.exec_driver_sql("delete from sqlite_stat1")


def _known() -> set[str]:
    with db.engine.connect() as connection:
        there = connection.exec_driver_sql(
            "select 1 from sqlite_master where name = 'sqlite_stat1'"
        ).first()
        if there is None:
            return set()
        return set(connection.exec_driver_sql("select tbl from sqlite_stat1").scalars())


def test_statistics_exist_after_bulk_work() -> None:
    shop = a_shop()
    for _ in range(30):
        a_member(shop)
    assert Member.__tablename__ not in _known()
    assert statistics.refresh()
    assert Member.__tablename__ in _known()


def test_a_busy_database_is_looked_at_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "WAIT_SECONDS", 0.2)
    with Path(f"{db.engine.url.database}.writers").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not statistics.refresh()
    assert statistics.refresh()


@pytest.mark.parametrize(
    ("version", "words"),
    [((3, 40, 1), "analyze"), ((3, 46, 0), "pragma optimize=0x10002")],
)
def test_each_release_is_asked_in_its_own_words(version: tuple[int, ...], words: str) -> None:
    assert statistics.words_for(version) == words
