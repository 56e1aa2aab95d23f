"""One furnished folder for all; every test runs a deployment of its own on a copy."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.deployment import Deployment, copied, furnish


@pytest.fixture(scope="session")
def furnished() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="qf-"))
    furnish(folder / "d")
    yield folder / "d"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def deployment(furnished: Path) -> Iterator[Deployment]:
    """Everything runs; the clock stands a minute before the slot."""
    with copied(furnished) as deployment:
        deployment.start()
        yield deployment
