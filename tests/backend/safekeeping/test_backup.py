"""备份与恢复 (fault of trust 8, D-14): what a backup is, what is refused, what the fence holds."""

import json
import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from backend import clock, heartbeat, installation
from backend.campaigns import waves
from backend.database import db, transaction
from backend.messaging import dispatch
from backend.messaging.models import Channel, IntentState
from backend.reports import doctor
from backend.safekeeping import backup
from jobs import deliveries, runtime
from scripts.wechat_platform.server import Platform
from tests.backend.campaigns.plans import a_periodic
from tests.backend.messaging.post import (
    TEMPLATE,
    Customer,
    a_customer,
    a_wechat_shop,
    has_template,
    intent,
    queue,
)
from tests.backend.safekeeping.conftest import Embedded
from tests.builders import Shop
from tests.conftest import StillClock


@pytest.fixture
def shop(embedded: Embedded, wechat_platform: Platform) -> Shop:
    wechat_platform.reset()
    shop = a_wechat_shop(wechat_platform)
    has_template(shop, Channel.TEMPLATE)
    return shop


@pytest.fixture
def anna(shop: Shop, wechat_platform: Platform) -> Customer:
    return a_customer(wechat_platform, shop)


def _sent(platform: Platform) -> int:
    return platform.calls(TEMPLATE)


def _released() -> None:
    """As the process that worked on the database ended."""
    db.session.remove()
    db.engine.dispose()


def test_a_backup_is_one_private_file_that_says_what_must_be_kept_with_it(
    embedded: Embedded, shop: Shop
) -> None:
    target = embedded.folder / "b.db"
    code, said = embedded.flask("backup", str(target))

    assert code == 0, said
    assert "keys.json" in said
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(path.name for path in embedded.folder.glob("*b.db*")) == ["b.db"]
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("select code from merchant").fetchall() == [(shop.code,)]
        assert copy.execute("pragma journal_mode").fetchone() == ("delete",)


def test_a_backup_overwrites_only_when_told(embedded: Embedded) -> None:
    target = embedded.folder / "b.db"
    target.write_text("dear")
    code, said = embedded.flask("backup", str(target))
    assert (code, "--replace" in said, target.read_text()) == (1, True, "dear")
    assert embedded.flask("backup", str(target), "--replace")[0] == 0
    assert target.read_bytes().startswith(b"SQLite format 3")


def test_a_backup_that_fails_leaves_nothing(embedded: Embedded) -> None:
    code, said = embedded.flask("backup", str(embedded.folder / "missing" / "b.db"))
    assert (code, "备份没有做成" in said) == (1, True)


def test_a_backup_neither_waits_for_a_writer_nor_sees_what_it_has_not_stored(
    embedded: Embedded, shop: Shop
) -> None:
    target = embedded.folder / "b.db"
    with transaction():
        db.session.execute(text("update merchant set name = 'half'"))
        backup.copy_database(embedded.database, target, backed_up_at=clock.machine_now())
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("select name from merchant").fetchone() != ("half",)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:20_000]), "损坏"),
        (lambda path: path.write_text("no database"), "损坏"),
        (lambda path: path.unlink(), "没有这个文件"),
        (lambda path: _alter(path, "update installation set backed_up_at = null"), "拷贝"),
        (lambda path: _alter(path, "update alembic_version set version_num='9'"), "另一版本"),
        (
            lambda path: _alter(path, "update installation set encryption_check='x'"),
            "ENCRYPTION_KEY",
        ),
    ],
)
def test_what_is_not_a_whole_backup_of_ours_is_not_restored(
    embedded: Embedded, shop: Shop, spoil: object, word: str
) -> None:
    target = embedded.folder / "b.db"
    assert embedded.flask("backup", str(target))[0] == 0
    spoil(target)  # type: ignore[operator]
    before = embedded.database.stat().st_ino
    code, said = embedded.flask("restore", str(target))
    assert (code, word in said, embedded.database.stat().st_ino) == (1, True, before), said


def _alter(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


def test_it_is_not_restored_while_somebody_has_the_database_open(
    embedded: Embedded, shop: Shop
) -> None:
    target = embedded.folder / "b.db"
    assert embedded.flask("backup", str(target))[0] == 0
    with closing(sqlite3.connect(embedded.database)) as other:
        other.execute("select count(*) from merchant").fetchone()
        code, said = embedded.flask("restore", str(target))
    assert (code, "还在运行" in said) == (1, True), said
    assert embedded.flask("restore", str(target))[0] == 0


def test_a_restore_keeps_the_old_database_and_what_was_due_is_held(
    embedded: Embedded,
    shop: Shop,
    anna: Customer,
    wechat_platform: Platform,
    clock: StillClock,
) -> None:
    waiting = queue(anna, key="due")
    under_way = queue(anna, key="sending")
    with transaction():
        db.session.execute(
            text("update intent set state = 'sending' where id = :id"), {"id": under_way}
        )
    target = embedded.folder / "b.db"
    assert embedded.flask("backup", str(target))[0] == 0
    dispatch.send_due()  # goes out after the backup
    sent = _sent(wechat_platform)
    assert sent == 1

    code, said = embedded.flask("restore", str(target))

    assert code == 0, said
    assert json.loads(next(line for line in said.splitlines() if line[0] == "{")) == {
        "messages": 2,
        "waves": 0,
        "reports": 0,
    }
    (kept,) = embedded.folder.glob("quanbao.before-restore-*.db")
    with closing(sqlite3.connect(kept)) as old:
        assert old.execute(f"select state from intent where id={waiting}").fetchone() == ("sent",)
    assert intent(shop, waiting).state == IntentState.HELD
    assert intent(shop, under_way).state == IntentState.UNKNOWN
    assert installation.why_not_living() == ""
    dispatch.drain()
    assert _sent(wechat_platform) == sent
    assert doctor.check() == []
    assert "outbox release" in embedded.flask("doctor")[1]

    assert embedded.flask("outbox", "held")[1] == '{"coupon_received": 1}\n'
    assert embedded.flask("outbox", "release", "--merchant", shop.code)[1] == '{"released": 1}\n'
    dispatch.drain()
    row = intent(shop, waiting)
    assert (row.state, row.failure) == (IntentState.SENT, "")
    assert _sent(wechat_platform) == sent + 1


def test_what_is_held_may_be_dropped(embedded: Embedded, anna: Customer, shop: Shop) -> None:
    waiting = queue(anna)
    assert embedded.flask("restore", "--fence")[0] == 0
    assert embedded.flask("outbox", "drop")[1] == '{"dropped": 1}\n'
    assert intent(shop, waiting).state == IntentState.EXPIRED


def test_waves_that_fell_due_since_the_backup_wait_for_a_person(
    embedded: Embedded, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    plan = a_periodic(shop)
    target = embedded.folder / "b.db"
    assert embedded.flask("backup", str(target))[0] == 0
    clock.move_to("2026-11-24 10:05")

    code, said = embedded.flask("restore", str(target))

    assert (code, '"waves": 1' in said) == (0, True), said
    assert waves.open_due(clock.at) == []
    assert waves.unfinished() == []
    code, said = embedded.flask("waves", "run", "--at", "2026-11-24T10:00:00+08:00")
    assert (code, '"granted": 1' in said, plan > 0) == (0, True, True), said


def test_a_wave_under_way_at_the_backup_stands_still_until_somebody_runs_it(
    embedded: Embedded, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    a_periodic(shop)
    clock.move_to("2026-11-24 10:00")
    assert len(waves.open_due(clock.at)) == 1
    assert embedded.flask("restore", "--fence")[0] == 0
    assert waves.unfinished() == []
    assert doctor.check() == []


def _copied_folder(embedded: Embedded) -> None:
    """As if the whole folder, keys and all, had been copied from elsewhere."""
    with transaction():
        db.session.execute(text("update installation set home = 'elsewhere'"))


def _older_file(embedded: Embedded) -> None:
    """The database of an hour ago, put back over the one of now by ``cp``."""
    now = clock.machine_now()
    heartbeat.beat("scheduler", now=now - timedelta(hours=1))
    db.session.remove()
    with closing(sqlite3.connect(embedded.database)) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    old = embedded.folder / "old.db"
    shutil.copyfile(embedded.database, old)
    heartbeat.beat("scheduler", now=now)
    installation.mark_alive(now)
    assert installation.why_not_living() == ""
    _released()
    shutil.copyfile(old, embedded.database)
    for tail in ("-wal", "-shm"):
        Path(f"{embedded.database}{tail}").unlink(missing_ok=True)


def _backup_put_in_place(embedded: Embedded) -> None:
    target = embedded.folder / "b.db"
    assert embedded.flask("backup", str(target))[0] == 0
    _released()
    target.replace(embedded.database)


@pytest.mark.parametrize("copy", [_copied_folder, _older_file, _backup_put_in_place])
def test_a_copy_sends_nothing_until_somebody_says_it_lives(
    embedded: Embedded,
    shop: Shop,
    anna: Customer,
    wechat_platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    copy: object,
) -> None:
    waiting = queue(anna)
    copy(embedded)  # type: ignore[operator]
    monkeypatch.setattr(runtime, "app", lambda: embedded.app)
    before = _sent(wechat_platform)
    deliveries.tick()
    assert _sent(wechat_platform) == before
    assert intent(shop, waiting).state == IntentState.DUE
    for words in (("outbox", "drain"), ("waves", "run", "--at", "2026-11-23T07:00:00+08:00")):
        code, said = embedded.flask(*words)
        assert (code, "restore --fence" in said) == (1, True), said
    ready = embedded.app.test_client().get("/readyz")
    assert (ready.status_code, ready.json["degraded"]) == (200, ["copy"])  # type: ignore[index]

    assert embedded.flask("restore", "--fence")[0] == 0
    deliveries.tick()
    assert intent(shop, waiting).state == IntentState.HELD
    assert _sent(wechat_platform) == before


def test_a_folder_that_was_only_moved_goes_on(
    embedded: Embedded, shop: Shop, anna: Customer, wechat_platform: Platform
) -> None:
    waiting = queue(anna)
    _copied_folder(embedded)
    assert embedded.flask("restore", "--moved")[0] == 0
    assert installation.why_not_living() == ""
    dispatch.drain()
    assert intent(shop, waiting).state == IntentState.SENT
