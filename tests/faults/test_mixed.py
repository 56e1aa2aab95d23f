"""收银 while everything else goes wrong at once: WeChat hangs, logs and pid files find no room, a
stranger guesses passwords, forty half-open connections stand. Nothing here is timed against a busy
machine: quiet and troubled windows take turns, and their best pair is compared.

``python -m tests.faults.mixed --seconds 60`` measures p99. The control has no proxy in front.
"""

from pathlib import Path

import pytest

from tests.faults.mixed import Outcome, in_turns, open_shop
from tests.faults.proxy import HALF_OPEN, needs_nginx
from tests.faults.troubles import Troubles
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.processes, needs_nginx]

AT_MOST = 5.0


def test_the_tills_are_served_as_if_nothing_was(furnished: Path) -> None:
    outcome = played(furnished, with_proxy=True, patience=PATIENCE_SECONDS)
    assert outcome.problems == {}
    assert outcome.best_ratio < AT_MOST, outcome.told()
    told = outcome.troublemakers
    assert told["stalled"] >= HALF_OPEN
    assert told["guess 401"] and not told["guess 302"]
    assert told["login 503"] and not told["login 200"]
    assert not [each for each in told if each.endswith(" 500")]


def test_straight_to_the_web_processes_the_tills_are_not_served(furnished: Path) -> None:
    """The control."""
    assert played(furnished, with_proxy=False, patience=3.0, pairs=1).problems


def played(furnished: Path, *, with_proxy: bool, patience: float, pairs: int = 2) -> Outcome:
    with open_shop(furnished, with_proxy=with_proxy, patience=patience) as shop:
        troubles = Troubles(shop.deployment, shop.port)
        return in_turns(shop, troubles, pairs=pairs, seconds=2.5)
