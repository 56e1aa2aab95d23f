"""One furnished folder for all; every test runs a deployment of its own on a copy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.deployment import Deployment, copied, furnished_folder


@pytest.fixture(scope="session")
def furnished() -> Iterator[Path]:
    with furnished_folder() as folder:
        yield folder


@pytest.fixture
def deployment(furnished: Path) -> Iterator[Deployment]:
    """Everything runs; the clock stands a minute before the slot."""
    with copied(furnished) as deployment:
        deployment.start()
        yield deployment
