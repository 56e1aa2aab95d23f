"""表结构: the migrations, brought to the app that is asked for them; Alembic is seen only here."""

from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import Migrate
from flask_migrate import upgrade as flask_migrate_upgrade

from backend import statistics
from backend.database import db

_MIGRATIONS = Path(__file__).parent / "migrations"


def register(app: Flask) -> None:
    """``flask db …`` finds our migrations."""
    on_sqlite = app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite")
    migrate = Migrate(directory=str(_MIGRATIONS), compare_type=True)
    migrate.init_app(app, db, render_as_batch=on_sqlite)


def upgrade() -> None:
    """Bring the tables up to date."""
    flask_migrate_upgrade()
    statistics.refresh()


def is_current() -> bool:
    """Whether the schema is at the newest revision."""
    with db.engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) == newest()


def newest() -> set[str]:
    """The revision that this version works on."""
    return set(ScriptDirectory(str(_MIGRATIONS)).get_heads())
