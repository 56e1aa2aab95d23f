"""Only its owner reads the data folder's files (fault of trust 17)."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from backend.database import db
from scripts.supervisor.deployment import data_folder
from tests.backend.safekeeping.conftest import Embedded
from tests.builders import a_shop


def _rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_database_and_what_stands_beside_it_are_the_owners_alone(embedded: Embedded) -> None:
    a_shop()
    files = [path for path in embedded.folder.iterdir() if path.is_file()]
    assert {"quanbao.db", "quanbao.db-wal"} <= {path.name for path in files}
    assert {path.name: oct(_rights(path)) for path in files if _rights(path) != 0o600} == {}


def test_a_database_that_others_could_read_is_closed_to_them(embedded: Embedded) -> None:
    embedded.database.chmod(0o644)
    db.session.remove()
    db.engine.dispose()
    a_shop()
    assert _rights(embedded.database) == 0o600


def test_another_connection_of_this_process_leaves_the_locks_of_the_first(
    embedded: Embedded,
) -> None:
    """POSIX drops all locks of a process on a file when it closes any handle of it. Without its
    lock, another process that leaves takes itself for the last one and removes the log that the
    first goes on writing to: the database is broken."""
    a_shop()
    with db.engine.connect() as first, db.engine.connect() as second:
        for connection in (first, second):
            connection.execute(text("select count(*) from merchant")).scalar()
            connection.rollback()
        passes_by = (
            "import sqlite3, sys\n"
            "database = sqlite3.connect(sys.argv[1])\n"
            "database.execute('select count(*) from merchant').fetchone()\n"
            "database.close()"
        )
        subprocess.run([sys.executable, "-c", passes_by, str(embedded.database)], check=True)
        assert Path(f"{embedded.database}-wal").exists()


def test_logs_that_others_could_read_are_closed_to_them(tmp_path: Path) -> None:
    log = data_folder(tmp_path / "d") / "logs" / "web.log"
    log.write_text("")
    log.chmod(0o644)
    before = os.umask(0o022)
    try:
        data_folder(tmp_path / "d")
    finally:
        os.umask(before)
    assert _rights(log) == 0o600
