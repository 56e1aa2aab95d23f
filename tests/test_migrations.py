"""The migrations make exactly the tables of the models, have one head, and go down again."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade

from backend.database import db


def test_the_migrated_schema_equals_the_models(app: Flask) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


def test_no_row_id_is_given_twice(app: Flask) -> None:
    """SQLite alone needs to be told; the comparison of schemas does not see it."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("a server's sequences do not go back")
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql("select name, sql from sqlite_master where type='table'")
        made = {name: str(sql) for name, sql in rows.all()}
    numbered = [t.name for t in db.metadata.sorted_tables if t.autoincrement_column is not None]
    assert [name for name in numbered if "AUTOINCREMENT" not in made[name]] == []
    assert len(numbered) > 60


def test_there_is_one_head(app: Flask) -> None:
    assert len(ScriptDirectory("backend/migrations").get_heads()) == 1


def test_down_and_up_again(app: Flask) -> None:
    db.session.remove()
    downgrade(revision="base")
    upgrade()
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, db.metadata) == []
