"""The yardstick, for tests of plans and for journeys that are watched."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.plans.watching import Yardsticks, yardsticks


@pytest.fixture(scope="session")
def plans(product: Flask, database_url: str) -> Iterator[Yardsticks]:
    with product.app_context(), yardsticks(database_url) as found:
        yield found
