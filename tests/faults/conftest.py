"""One furnished folder for all; every test runs a deployment of its own on a copy."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.deployment import Deployment, copied, furnished_folder
from tests.faults.folders import Folders
from tests.faults.warm import Warm


@pytest.fixture(scope="session")
def furnished() -> Iterator[Path]:
    with furnished_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    warm = Warm()
    yield warm
    warm.stop()


@pytest.fixture(scope="session")
def folders(warm: Warm) -> Iterator[Folders]:
    """Of the counter."""
    root = Path(tempfile.mkdtemp(prefix="qc-"))
    yield Folders(warm, root)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def deployment(furnished: Path) -> Iterator[Deployment]:
    """Everything runs; the clock stands a minute before the slot."""
    with copied(furnished) as deployment:
        deployment.start()
        yield deployment
