"""备份 taken in mid-wave, restored one by one; what each restored deployment then does.

``python -m tests.faults.backups N``: N backups under load, each restored; a line of JSON per
backup, exit 1 at the first that is not right. Started with ``take`` or ``restore`` it is the
process that does it.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from backend import tenancy
from scripts.supervisor.report import say
from scripts.wechat_platform.server import start_platform
from tests.faults.deployment import SETUP, SLOT, Deployment, copied, furnished_folder
from tests.faults.judge import delivered, doubles, wait_until_quiet
from tests.faults.servers import until

PAUSE_SECONDS = 0.1
_READY = "ready"


@dataclass(frozen=True)
class Outcome:
    """Of one restored backup: what the commands said, and what the platform then counted."""

    backup: str
    said: str
    sent_before: int
    sent_after: int
    twice: list[str]

    @property
    def problem(self) -> str:
        if "正常" not in self.said:
            return self.said
        return "" if self.sent_before == self.sent_after and not self.twice else "sent again"


def backups_under_load(deployment: Deployment, count: int) -> list[Path]:
    """A wave and its messages under way, ``count`` backups meanwhile; then everything stops, all
    of it done and told."""
    folder = deployment.data / "backups"
    folder.mkdir()
    deployment.start()
    with ThreadPoolExecutor(1) as beside:
        made = beside.submit(
            deployment.run, "tests.faults.backups", "take", str(folder), str(count)
        )
        until(lambda: (folder / _READY).exists() or made.done(), "the backups may begin")
        deployment.set_clock(SLOT)
        ended = made.result()
    assert ended.returncode == 0, ended.stderr
    wait_until_quiet(deployment)
    deployment.stop_processes()
    deployment.engine.dispose()  # whoever has the database open keeps it from being restored
    return sorted(folder.glob("*.db"))


@contextmanager
def world_of(deployment: Deployment) -> Iterator[str]:
    """The WeChat platform of the deployment, with all it remembers, at an address of its own."""
    platform = start_platform(data=deployment.data / "wechat", setup=SETUP)
    try:
        yield platform.url
    finally:
        platform.stop()


def restored(deployment: Deployment, backup: Path, url: str, *, naively: bool = False) -> Outcome:
    """Restore it and let everything work that is due; ``naively``: as ``cp`` would, with nobody to
    tell the copy from the living one."""
    before = sum(delivered(deployment.platform).values())
    if naively:
        with closing(sqlite3.connect(backup)) as database, database:
            database.execute("update installation set backed_up_at = null")
        for tail in ("-wal", "-shm"):
            Path(f"{deployment.database}{tail}").unlink(missing_ok=True)
        backup.replace(deployment.database)
        (deployment.data / "alive.json").unlink(missing_ok=True)
    ended = deployment.run(
        "tests.faults.backups",
        "work" if naively else "restore",
        str(backup),
        WECHAT_API_BASE_URL=url,
    )
    sent = delivered(deployment.platform)
    said = ended.stdout + (ended.stderr if ended.returncode else "")
    return Outcome(backup.name, said, before, sum(sent.values()), doubles(sent))


def _take(folder: Path, count: int) -> None:
    """The first as soon as the wave has granted to somebody: in its middle, whoever is slow."""
    from backend import clock
    from backend.campaigns.models import Grant
    from backend.database import db, end_read
    from backend.safekeeping import backup
    from wsgi import command_app

    with command_app().app_context(), tenancy.across_merchants("whether the wave is under way"):
        (folder / _READY).touch()
        while (
            db.session.scalar(select(Grant.id).where(Grant.wave_id.is_not(None)).limit(1)) is None
        ):
            end_read()
            time.sleep(0.02)
        end_read()
        for number in range(count):
            backup.back_up(folder / f"{number:03d}.db", now=clock.machine_now())
            time.sleep(PAUSE_SECONDS)


def _restore(*commands: tuple[str, ...]) -> None:
    from wsgi import command_app

    app = command_app()
    for words in commands:
        with app.app_context():
            answer = app.test_cli_runner().invoke(args=list(words))
        say(answer.output)
        if answer.exit_code:
            raise answer.exception or AssertionError(answer.output)


def _work() -> None:
    """What is due by the clock and by the rows, as the scheduler and the workers would do it."""
    from backend import clock
    from backend.campaigns import waves
    from jobs import deliveries, malls, reminders, runtime, upkeep
    from jobs import waves as wave_jobs

    with runtime.app().app_context():
        waves.open_due(clock.now())
        left = waves.unfinished()
    for merchant_id, wave_id in left:
        wave_jobs.run(merchant_id, wave_id)
    for job in (upkeep.tick, reminders.run, malls.tick, deliveries.tick):
        job()


def main(words: list[str]) -> int:
    match words:
        case ["take", folder, count]:
            _take(Path(folder), int(count))
        case ["restore", file]:
            _restore(("restore", file), ("doctor",))
            _work()
            _restore(("outbox", "drain"))
        case ["work", _]:
            _work()
        case _:
            return _play(int(words[0]) if words else 50)
    return 0


def _play(count: int) -> int:
    with furnished_folder() as folder, copied(folder) as deployment:
        made = backups_under_load(deployment, count)
        with world_of(deployment) as url:
            for backup in made:
                outcome = restored(deployment, backup, url)
                say(json.dumps({"backup": backup.name, "problem": outcome.problem}))
                if outcome.problem:
                    return 1
    say(f"{len(made)} backups restored, nothing sent twice")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
