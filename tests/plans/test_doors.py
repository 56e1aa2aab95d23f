"""Every door of those who wait is played, and reads what its answer needs. (scale, rules 1–3)"""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.database import db
from scripts.wechat_platform.server import Platform
from tests.plans.doors import PLAYS, UNPLAYED, Evening, answered, rules
from tests.plans.watching import Yardsticks, asked_within, at_a_door


def test_every_door_is_played_and_reads_what_it_needs(
    app: Flask, http: FlaskClient, wechat: Platform, plans: Yardsticks
) -> None:
    """A new route fails here until it is played, or named with its reason in ``UNPLAYED``."""
    with asked_within(db.engine, when=at_a_door) as asked, answered(app) as played:
        evening = Evening(app, http, wechat)
        for play in PLAYS:
            play(evening)
    assert len(rules(app)) > 50
    assert rules(app) - UNPLAYED - played == set()
    assert set() == UNPLAYED - rules(app)
    if found := plans.judge(asked):
        pytest.fail("\n".join(found))
