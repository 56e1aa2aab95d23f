"""``python -m tests.faults --rounds N --seed S``: waves under random faults, judged each time.

A line of JSON per round; exit 1 at the first that is not right. The seed gives the faults again.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scripts.supervisor.report import say
from tests.faults.deployment import SLOT, Deployment, copied, furnished_folder
from tests.faults.judge import assert_exactly_once, progress, wait_until_quiet

FAULTS: tuple[tuple[Callable[[Deployment], None], int], ...] = (
    (Deployment.kill_trees, 2),
    (Deployment.kill_parents, 2),
    (Deployment.kill_horses, 2),
    (Deployment.kill_scheduler, 0),
    (Deployment.empty_redis, 0),
    (Deployment.replace_redis, 2),
)
"""What is done, and how many sending processes it may kill."""

MOST_FAULTS = 8
PAUSES = (0.2, 3.0)


def main() -> int:
    """Play the rounds; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    asked = parser.parse_args()
    with furnished_folder() as folder:
        for number in range(asked.rounds):
            if not play(folder, seed=asked.seed + number):
                return 1
    return 0


def play(folder: Path, *, seed: int) -> bool:
    """One wave; whether all was granted and told once."""
    chance = random.Random(seed)
    done: list[str] = []
    kills, problem = 0, ""
    began = time.monotonic()
    with copied(folder) as deployment:
        deployment.start()
        deployment.set_clock(SLOT)
        while len(done) < MOST_FAULTS and not is_over(deployment):
            time.sleep(chance.uniform(*PAUSES))
            fault, victims = chance.choice(FAULTS)
            fault(deployment)
            done.append(fault.__name__)
            kills += victims
        try:
            wait_until_quiet(deployment)
            assert_exactly_once(deployment, kills=kills)
        except AssertionError as error:
            problem = f"{error}\n{deployment.logs()}"
    seconds = round(time.monotonic() - began, 1)
    say(json.dumps({"seed": seed, "faults": done, "seconds": seconds, "problem": problem}))
    return not problem


def is_over(deployment: Deployment) -> bool:
    now = progress(deployment)
    return now.done and not now.waiting


if __name__ == "__main__":
    sys.exit(main())
