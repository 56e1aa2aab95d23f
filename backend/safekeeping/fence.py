"""围栏. After a restore the data is as old as its backup, and the world is not: messages have gone,
waves have run, malls have been told. What was due or under way is held for a person; from then on
the deployment lives again. Coupons, points and balances stand as the backup has them; new rows get
ids that nothing had since.
"""

from dataclasses import dataclass
from datetime import datetime

from backend import installation
from backend.campaigns import link_end, reminders, waves
from backend.database import end_read
from backend.malls import link, report
from backend.membership import levels
from backend.merchants import staff
from backend.messaging import held
from backend.points import exchange_lapse
from backend.points import upkeep as points
from backend.safekeeping import row_ids


@dataclass(frozen=True)
class Fenced:
    """What waits for a person: messages, cycles of campaigns, words to malls."""

    messages: int
    waves: int
    reports: int


def raise_fence(*, now: datetime, machine: datetime) -> Fenced:
    """Hold what may have happened since the backup; then this data is the living deployment's.

    What fell due by the clock in between is done first, so that its messages are held as well.
    The data comes to life last: whoever stops half-way raises the fence again. Sessions of staff
    end, for somebody may have been put out since.
    """
    end_read()
    row_ids.jump()
    _catch_up(now)
    fenced = Fenced(
        waves=waves.pass_over_due(now), messages=held.hold_due(), reports=report.hold_due()
    )
    staff.sign_out_all()
    installation.settle(fenced_at=machine)
    return fenced


def _catch_up(now: datetime) -> None:
    """What jobs would do by the clock and tell people of, apart from what gives coupons."""
    link_end.sweep(now=now)
    exchange_lapse.give_back_all(now)
    points.expire_all(now)
    points.remind_all(now)
    levels.review_due(now)
    link.link_everywhere(now=now)
    reminders.run(now)
