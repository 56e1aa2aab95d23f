"""Only its owner reads the data folder's files (fault of trust 17)."""

import os
import stat
from pathlib import Path

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
