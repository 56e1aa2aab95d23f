"""The yardstick, and tests that are watched: what they ask at a door is explained on it."""

from collections.abc import Iterator

import pytest
from flask import Flask

from backend.database import db
from tests.plans.watching import Yardsticks, asked_within, at_a_door, yardsticks


@pytest.fixture(scope="session")
def plans(product: Flask, database_url: str) -> Iterator[Yardsticks]:
    with product.app_context(), yardsticks(database_url) as found:
        yield found


@pytest.fixture(autouse=True)
def watched(app: Flask, plans: Yardsticks) -> Iterator[None]:
    """Nothing that this test asks at a door reads what grows with members. (scale, rule 2)"""
    with asked_within(db.engine, when=at_a_door) as asked:
        yield
    if found := plans.judge(asked):
        pytest.fail("\n".join(found))
