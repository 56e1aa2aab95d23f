"""统计. What SQLite's planner knows of the tables, as its makers advise (lang_analyze.html).

Servers look at their tables by themselves; SQLite when it is told: after bulk work, and now and
then. Of each index a few hundred rows are looked at, so that writers hardly wait.
"""

import logging
import sqlite3

from backend.database import db, transaction
from backend.errors import Busy

LOOKED_AT = 400
"""``analysis_limit``: rows of an index; before 3.46 nothing bounds it unless it is said."""

log = logging.getLogger(__name__)


def refresh() -> bool:
    """Look at the tables anew; False: not SQLite, or others were writing for too long. Nothing
    hangs on it: the next time will do."""
    if db.engine.dialect.name != "sqlite":
        return False
    try:
        with transaction():
            connection = db.session.connection()
            connection.exec_driver_sql(f"pragma analysis_limit={LOOKED_AT}")
            connection.exec_driver_sql(words_for(sqlite3.sqlite_version_info)).close()
    except Busy as error:
        log.info("The planner's statistics wait: %s", error)
        return False
    return True


def words_for(version: tuple[int, ...]) -> str:
    """Since 3.46 ``optimize`` looks at every table that has changed much; before, only at those
    that this very connection had asked, which has asked none."""
    return "pragma optimize=0x10002" if version >= (3, 46) else "analyze"
