"""One dining room per test; whatever happens in it, the books are sound afterwards."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining, a_dining_room, is_sound
from tests.conftest import StillClock


@pytest.fixture
def room(app: Flask, http: FlaskClient, wechat: Platform, clock: StillClock) -> Iterator[Dining]:
    yield a_dining_room(http, wechat)
    is_sound()
