"""Backups taken in mid-wave (fault of trust 8): each restores to books that are right, and nothing
that had gone out goes out again. ``python -m tests.faults.backups 50`` plays fifty.

The control puts a backup back without its fence: it must send again.
"""

from pathlib import Path

import pytest

from tests.faults.backups import backups_under_load, restored, world_of
from tests.faults.deployment import copied

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]


def test_backups_under_load_are_restored_and_no_message_goes_twice(
    furnished: Path,
) -> None:
    with copied(furnished) as deployment:
        made = backups_under_load(deployment, 3)
        assert len(made) == 3
        with world_of(deployment) as url:
            for backup in (made[2], made[1]):
                assert restored(deployment, backup, url).problem == ""
            control = restored(deployment, made[0], url, naively=True)
    assert control.twice, control
