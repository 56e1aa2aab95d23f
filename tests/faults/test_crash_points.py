"""Every named crash point is visited with SIGKILL; done again, the deed is done once."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Select, func, insert, select

from backend.campaigns.models import Grant, GrantState
from backend.database import table_of
from backend.members.models import Member
from backend.redemption.models import Redemption
from backend.sales.models import Bill
from scripts.environment import ROOT
from tests.faults.deployment import CLAIMER, SLOT, Deployment, copied
from tests.faults.judge import assert_exactly_once
from tests.faults.test_counter_points import AT_THE_COUNTER

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

WAVE = {"wave.opened": 1, "wave.chunk_written": 3, "wave.chunk_committed": 5}
SENDING = {"outbox.claimed": 10, "outbox.sent": 10, "outbox.recorded": 10}
"""At which pass each is killed."""

DEEDS = {
    "follow.before_commit": ("follow", 0),
    "claim.before_commit": ("claim", 0),
    "redeem.before_commit": ("redeem", 0),
    "redeem.after_commit": ("redeem", 1),
    "settle.before_commit": ("settle", 0),
    "settle.after_commit": ("settle", 1),
}
"""Which deed passes the point, and how many effects stand when it is killed there."""

POINT = re.compile(r'faults\.point\(\s*"([^"]+)"')

WAITING = "2026-11-22@09:00"

_grants, _members = table_of(Grant), table_of(Member)

_done = _grants.c.state == GrantState.CLAIMED
EFFECTS: dict[str, Select[int]] = {
    "follow": select(func.count()).where(_grants.c.cycle == "follow"),
    "claim": select(func.count()).where(_grants.c.cycle == WAITING, _done),
    "redeem": select(func.count()).select_from(table_of(Redemption)),
    "settle": select(func.count()).select_from(table_of(Bill)),
}


@pytest.fixture
def quiet(furnished: Path) -> Iterator[Deployment]:
    """Nothing runs; it is 09:00."""
    with copied(furnished) as deployment:
        deployment.set_clock(SLOT)
        yield deployment


@pytest.fixture(scope="module")
def granted(furnished: Path) -> Iterator[Path]:
    """The wave is over, and more waits for one guest's login."""
    with copied(furnished) as deployment:
        deployment.set_clock(SLOT)
        assert deployment.flask("waves", "run", "--at", SLOT).returncode == 0
        with deployment.engine.begin() as connection:
            mine = select(_members.c.id).where(_members.c.nickname == CLAIMER)
            row = connection.execute(
                select(_grants).where(_grants.c.member_id == connection.scalar(mine))
            ).one()
            given = dict(row._mapping) | {
                "id": None,
                "cycle": WAITING,
                "state": GrantState.OPEN.value,
                "claimed_at": None,
                "wave_id": None,
            }
            connection.execute(insert(_grants).values(given))
        deployment.engine.dispose()
        yield deployment.data


def test_every_point_is_visited() -> None:
    """One that is added to the code without a death of its own is told here."""
    packages = [ROOT / name for name in ("backend", "jobs", "miniprogram_api", "admin")]
    sources = [file.read_text() for package in packages for file in package.rglob("*.py")]
    standing = {name for source in sources for name in POINT.findall(source)}
    assert set(WAVE) | set(SENDING) | set(DEEDS) | AT_THE_COUNTER == standing


def test_a_wave_and_its_messages_are_killed_at_every_point_of_their_way(quiet: Deployment) -> None:
    for point, times in WAVE.items():
        died = quiet.flask("waves", "run", "--at", SLOT, FAULTS=f"{point}:kill:{times}")
        assert died.returncode == -signal.SIGKILL, (point, died.stderr)
    went_on = quiet.flask("waves", "run", "--at", SLOT)
    assert went_on.returncode == 0, went_on.stderr
    for point, times in SENDING.items():
        died = do(quiet, "drain", FAULTS=f"{point}:kill:{times}")
        assert died.returncode == -signal.SIGKILL, (point, died.stderr)
    assert do(quiet, "drain").returncode == 0
    assert_exactly_once(quiet, kills=len(SENDING))


@pytest.mark.parametrize("point", DEEDS)
def test_a_deed_is_killed_and_done_again(granted: Path, point: str) -> None:
    deed, stored = DEEDS[point]
    with copied(granted) as deployment:
        died = do(deployment, deed, FAULTS=f"{point}:kill:1")
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert effects(deployment, deed) == stored
        again = do(deployment, deed)
        assert again.returncode == 0, again.stderr
        assert effects(deployment, deed) == 1
        checked = deployment.flask("doctor")
        assert checked.returncode == 0, checked.stdout


def do(deployment: Deployment, deed: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A deed in a process of its own."""
    return deployment.run("tests.faults.deeds", deed, **settings)


def effects(deployment: Deployment, deed: str) -> int:
    """How often it stands in the database."""
    with deployment.engine.connect() as connection:
        return int(connection.scalar(EFFECTS[deed]) or 0)
