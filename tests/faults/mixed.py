"""收银 in a minute of mixed traffic: tills at a steady pace, quiet and under all troubles at once.

``python -m tests.faults.mixed --seconds 60``: so many seconds of either kind, in turns; a line of
JSON per window, then the till's p50 and p99 in milliseconds and the ratios. Exit 1 when the till's
p99 doubled, or a request of a till failed.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import requests

from scripts.supervisor.report import say
from tests.faults.calls import said_by_till
from tests.faults.deployment import OA, PEOPLE, Deployment, copied, furnished_folder
from tests.faults.proxy import nginx
from tests.faults.troubles import Troubles
from tests.miniprogram_api.pos.till import a_bill, a_dish
from tests.patience import PATIENCE_SECONDS

TILLS, EVERY_SECONDS = 4, 0.2
TAKING_HOLD_SECONDS = 1.0
"""Of each window, which count for nothing."""

WARMING_SECONDS, WINDOW_SECONDS = 2.0, 15.0
AS_DEPLOYED = {"WEB_PROCESSES": "2", "TRUSTED_PROXIES": "1"}

Said = tuple[str, dict[str, object]]

_bills = count(1)


@dataclass
class Window:
    """How long the tills waited, in seconds from when each wanted to ask, and what went wrong."""

    seconds: float
    waits: list[float] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    busy: int = 0

    def p(self, percent: int) -> float:
        """Milliseconds."""
        return 1000 * statistics.quantiles(self.waits, n=100, method="inclusive")[percent - 1]

    @classmethod
    def of(cls, windows: list["Window"]) -> "Window":
        """All of them as one."""
        return cls(
            sum(each.seconds for each in windows),
            [wait for each in windows for wait in each.waits],
            sum((each.problems for each in windows), Counter()),
            sum(each.busy for each in windows),
        )

    def told(self) -> dict[str, object]:
        figures = {"p50": self.p(50), "p99": self.p(99), "max": 1000 * max(self.waits)}
        told: dict[str, object] = {name: round(ms, 1) for name, ms in figures.items()}
        return {"n": len(self.waits), **told, "busy": self.busy, "problems": dict(self.problems)}


@dataclass(frozen=True)
class Shop:
    """A deployment with its tills, reached at ``port``."""

    deployment: Deployment
    port: int
    openids: list[str]
    patience: float = PATIENCE_SECONDS

    def window(self, seconds: float) -> Window:
        """All tills at work for so long."""
        window = Window(seconds)
        begins = time.monotonic() + TAKING_HOLD_SECONDS
        tills = [
            threading.Thread(target=self._till, args=(window, begins, number))
            for number in range(TILLS)
        ]
        for till in tills:
            till.start()
        for till in tills:
            till.join()
        return window

    def _till(self, window: Window, begins: float, number: int) -> None:
        due = begins - TAKING_HOLD_SECONDS + number * EVERY_SECONDS / TILLS
        while True:
            with requests.Session() as line:
                for asked in self._visit():
                    if due >= begins + window.seconds:
                        return
                    time.sleep(max(0.0, due - time.monotonic()))
                    problem = self._asked(window, line, asked)
                    if due >= begins:
                        window.waits.append(time.monotonic() - due)
                        window.problems.update([problem] if problem else [])
                    due = max(due + EVERY_SECONDS, time.monotonic() if problem else 0.0)

    def _visit(self) -> Iterator[Said]:
        """A guest comes, orders, pays; the bill goes back."""
        openid, bill = random.choice(self.openids), f"X{next(_bills)}"
        lines = [a_dish()]
        yield "/pos/v1/members/identify", {"openid": openid}
        yield "/pos/v1/quotes", {"openid": openid, "lines": lines}
        yield f"/pos/v1/bills/{bill}/settle", a_bill(*lines)
        yield f"/pos/v1/bills/{bill}/refund", {"refund": f"R-{bill}", "reason": "退单"}

    def _asked(self, window: Window, line: requests.Session, asked: Said) -> str:
        """What went wrong. A till that is told 系统繁忙 asks again, and waits so much longer."""
        path, body = asked
        url = f"http://127.0.0.1:{self.port}"
        while True:
            try:
                answer = said_by_till(url, path, body, line=line, timeout=self.patience)
            except requests.RequestException as error:
                return type(error).__name__
            if answer.ok:
                return ""
            if answer.status_code != 503 or answer.json()["code"] != "BUSY":
                return f"{path.rpartition('/')[2]} {answer.status_code} {answer.text[:200]}"
            window.busy += 1
            time.sleep(EVERY_SECONDS)


@contextmanager
def open_shop(furnished: Path, *, with_proxy: bool, patience: float) -> Iterator[Shop]:
    """Everything runs as deployed."""
    with (
        copied(furnished, **AS_DEPLOYED) as deployment,
        tempfile.TemporaryDirectory(prefix="qn-") as folder,
    ):
        deployment.start()
        with nginx(Path(folder), deployment.port) if with_proxy else nullcontext(0) as front:
            openids = [_openid(deployment, number) for number in range(PEOPLE)]
            shop = Shop(deployment, front or deployment.port, openids, patience)
            shop.window(WARMING_SECONDS)  # what is loaded late is loaded now
            yield shop


def in_turns(shop: Shop, troubles: Troubles, *, pairs: int, seconds: float) -> "Outcome":
    """Quiet and troubled windows in turns, each of so many seconds."""
    outcome = Outcome([], [], troubles.told)
    for _ in range(pairs):
        outcome.quiet.append(shop.window(seconds))
        with troubles.befall():
            outcome.troubled.append(shop.window(seconds))
    return outcome


@dataclass
class Outcome:
    """Windows of either kind, pair by pair, and what the troublemakers were told."""

    quiet: list[Window]
    troubled: list[Window]
    troublemakers: Counter[str]

    def ratio(self, percent: int) -> float:
        return Window.of(self.troubled).p(percent) / Window.of(self.quiet).p(percent)

    @property
    def best_ratio(self) -> float:
        """Of the medians of a pair: what else runs on the machine meets not every pair alike."""
        pairs = zip(self.quiet, self.troubled, strict=True)
        return min(troubled.p(50) / quiet.p(50) for quiet, troubled in pairs)

    @property
    def problems(self) -> Counter[str]:
        return Window.of([*self.quiet, *self.troubled]).problems

    def told(self) -> dict[str, object]:
        return {
            "quiet": Window.of(self.quiet).told(),
            "troubled": Window.of(self.troubled).told(),
            "ratio_p50": round(self.ratio(50), 2),
            "ratio_p99": round(self.ratio(99), 2),
            "troublemakers": dict(sorted(self.troublemakers.items())),
        }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mixed")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--window", type=float, default=WINDOW_SECONDS)
    parser.add_argument("--without-proxy", action="store_true")
    asked = parser.parse_args()
    with (
        furnished_folder() as folder,
        open_shop(folder, with_proxy=not asked.without_proxy, patience=30.0) as shop,
    ):
        troubles = Troubles(shop.deployment, shop.port)
        pairs = max(1, round(asked.seconds / asked.window))
        outcome = in_turns(shop, troubles, pairs=pairs, seconds=asked.window)
    for quiet, troubled in zip(outcome.quiet, outcome.troubled, strict=True):
        say(json.dumps({"quiet": quiet.told(), "troubled": troubled.told()}, ensure_ascii=False))
    say(json.dumps(outcome.told(), ensure_ascii=False))
    return 1 if outcome.problems or outcome.ratio(99) >= 2 else 0


def _openid(deployment: Deployment, number: int) -> str:
    told = requests.get(
        f"{deployment.wechat_url}/_sim/openid",
        params={"person": f"guest-{number:05d}", "app_id": OA},
        timeout=30,
    )
    return str(told.json()["openid"])


if __name__ == "__main__":
    sys.exit(main())
