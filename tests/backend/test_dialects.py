"""What the drivers' errors mean."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from backend.database import db, table_of, transaction
from backend.dialects import is_busy, met_another
from backend.errors import Busy
from backend.merchants.models import Merchant
from tests.builders import a_shop

_merchants = table_of(Merchant)


def test_a_row_that_somebody_holds_too_long_is_busy_on_every_database(app: Flask) -> None:
    a_shop()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with app.app_context(), transaction():
            db.session.connection().execute(update(_merchants).values(name="甲"))
            held.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(60)
        with pytest.raises(Busy), transaction():
            db.session.connection().execute(update(_merchants).values(name="乙"))
    finally:
        done.set()
        holder.join()


@pytest.mark.parametrize(
    ("args", "sqlstate", "meaning"),
    [
        ((1205, "Lock wait timeout exceeded"), "HY000", is_busy),
        ((1213, "Deadlock found"), "40001", met_another),
        ((1020, "Record has changed"), "HY000", met_another),
        (("deadlock detected",), "40P01", met_another),
        (("lock timeout",), "55P03", is_busy),
    ],
)
def test_a_driver_speaks_by_number_or_by_sqlstate(
    args: tuple[Any, ...], sqlstate: str, meaning: Callable[[OperationalError], bool]
) -> None:
    driver = Exception(*args)
    driver.sqlstate = sqlstate  # type: ignore[attr-defined]
    assert meaning(OperationalError("select 1", None, driver))
