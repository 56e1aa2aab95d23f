"""Transactions: all or nothing, after commit, tried again where two met; exact instants."""

import fcntl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, StatementError

from backend import dialects
from backend.database import MetAnother, after_commit, db, transaction, transactional
from backend.errors import Busy
from backend.heartbeat import Heartbeat
from backend.merchants.models import Operator


def _names() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Operator.name).order_by(Operator.id)))


def test_an_exception_undoes_the_inner_and_the_outer_block(app: Flask) -> None:
    with pytest.raises(RuntimeError), transaction():
        db.session.add(Operator(name="outer"))
        with transaction():
            db.session.add(Operator(name="inner"))
        raise RuntimeError
    assert _names() == []


def test_what_runs_after_commit_sees_the_rows_and_is_dropped_by_an_error(app: Flask) -> None:
    seen: list[list[str]] = []
    with transaction():
        db.session.add(Operator(name="a"))
        after_commit(lambda: seen.append(_names()))
        assert seen == []
    assert seen == [["a"]]
    with pytest.raises(RuntimeError), transaction():
        after_commit(lambda: seen.append(["never"]))
        raise RuntimeError
    assert seen == [["a"]]


@pytest.mark.parametrize("error", [MetAnother(), IntegrityError("", {}, Exception())])
def test_a_use_case_that_met_another_is_tried_again_from_a_clean_start(
    app: Flask, error: Exception
) -> None:
    tries = []

    @transactional
    def use_case() -> str:
        db.session.add(Operator(name=f"try {len(tries)}"))
        db.session.flush()
        tries.append(1)
        if len(tries) < 3:
            raise error
        return "done"

    assert use_case() == "done"
    assert _names() == ["try 2"]


def test_a_use_case_gives_up_after_a_few_tries(app: Flask) -> None:
    tries = []

    @transactional
    def use_case() -> None:
        tries.append(1)
        raise MetAnother

    with pytest.raises(MetAnother):
        use_case()
    assert len(tries) == 4


def _in_threads(app: Flask, work: Callable[[], None], count: int) -> list[BaseException]:
    errors: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        with app.app_context():
            barrier.wait()
            try:
                work()
            except BaseException as error:
                errors.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_writers_wait_for_each_other_and_none_is_refused(app: Flask) -> None:
    def write() -> None:
        for _ in range(10):
            with transaction():
                db.session.scalars(select(Operator)).all()
                db.session.add(Operator(name="x"))

    assert _in_threads(app, write, 8) == []
    assert len(_names()) == 80


def test_a_database_locked_from_outside_is_busy_within_seconds(app: Flask) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite locks the whole file")
    with db.engine.connect().execution_options(writes=False) as outside:
        outside.exec_driver_sql("select 1")
        outside.exec_driver_sql("rollback")
        outside.exec_driver_sql("begin exclusive")
        started = datetime.now(UTC)
        with pytest.raises(Busy), transaction():
            db.session.add(Operator(name="x"))
        assert datetime.now(UTC) - started < timedelta(seconds=8)
        outside.exec_driver_sql("rollback")
    assert _names() == []


def test_a_writer_that_never_ends_holds_the_others_up_for_seconds_only(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gave up does not keep its place: once the writer is gone, all go on."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite has one writer")
    monkeypatch.setattr(dialects, "WAIT_SECONDS", 0.3)
    with Path(f"{db.engine.url.database}.writers").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refused = _in_threads(app, lambda: _write("x"), 3)
        assert [type(error) for error in refused] == [Busy] * 3
    assert _in_threads(app, lambda: _write("y"), 3) == []
    assert _names() == ["y"] * 3


def _write(name: str) -> None:
    with transaction():
        db.session.add(Operator(name=name))


def test_an_instant_comes_back_as_stored_whatever_its_offset(app: Flask) -> None:
    moment = datetime(2026, 11, 23, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=8)))
    with transaction():
        db.session.add(Heartbeat(name="x", beaten_at=moment))
    db.session.rollback()
    db.session.expunge_all()
    stored = db.session.scalars(select(Heartbeat.beaten_at)).one()
    assert stored == moment
    assert stored.utcoffset() == timedelta(0)
    assert db.session.scalars(select(Heartbeat).where(Heartbeat.beaten_at < moment)).all() == []


def test_a_naive_instant_is_refused(app: Flask) -> None:
    with pytest.raises(StatementError), transaction():
        db.session.add(Heartbeat(name="x", beaten_at=datetime(2026, 1, 1)))  # noqa: DTZ001
