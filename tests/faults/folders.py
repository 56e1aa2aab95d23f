"""Folders of the counter: what a chain of deeds leaves behind, made once and copied."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.deployment import COUNTER, Deployment, copied, copy_folder
from tests.faults.servers import RedisServer
from tests.faults.warm import Ended, Warm


class Folders:
    """What a chain of deeds leaves behind, made once and copied."""

    def __init__(self, warm: Warm, root: Path) -> None:
        self._warm, self._root = warm, root
        self._made: dict[tuple[str, ...], Path] = {}

    def after(self, *deeds: str) -> Path:
        if deeds not in self._made:
            folder = self._root / "-".join(("d", *deeds))
            if deeds:
                copy_folder(self.after(*deeds[:-1]), folder)
                self._do(folder, deeds[-1])
            else:
                self._open(folder)
            self._made[deeds] = folder
        return self._made[deeds]

    @contextmanager
    def copy(self, *deeds: str) -> Iterator[Deployment]:
        """Only Redis runs."""
        with copied(self.after(*deeds)) as deployment:
            deployment.setup = COUNTER
            deployment.redis.start()
            yield deployment

    def _open(self, folder: Path) -> None:
        for name in ("run", "logs", "redis"):
            (folder / name).mkdir(parents=True)
        made = Deployment(folder, RedisServer(folder / "redis")).run("scripts.supervisor.prepare")
        assert made.returncode == 0, made.stderr
        self._do(folder, "arrange")

    def _do(self, folder: Path, deed: str) -> None:
        deployment = Deployment(folder, RedisServer(folder / "redis"))
        deployment.redis.start()
        try:
            fine(self._warm.do(deed, environment=deployment.environment))
        finally:
            deployment.redis.kill()


def fine(ended: Ended) -> None:
    assert ended.code == 0, ended.said
