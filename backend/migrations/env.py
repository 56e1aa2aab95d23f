"""Alembic's entry: the app's own engine and metadata."""

from alembic import context
from flask import current_app

from backend.database import RowId, UtcDateTime, db

_SQLITE_LOCK = {"writes": True}


def render_item(kind, item, autogen_context):
    """Our column types by their own names."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen_context.imports.add("from backend.database import UtcDateTime")
        return "UtcDateTime()"
    if kind == "type" and item is RowId:
        autogen_context.imports.add("from backend.database import RowId")
        return "RowId"
    if kind == "type" and type(item).__name__ == "SealedText":
        return "sa.Text()"
    if kind == "type" and type(item).__name__ == "Sealed":
        return f"sa.String(length={item.impl.length})"
    return False


with db.engine.connect().execution_options(**_SQLITE_LOCK) as connection:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_item=render_item,
        **current_app.extensions["migrate"].configure_args,
    )
    with context.begin_transaction():
        context.run_migrations()
