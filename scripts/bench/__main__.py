"""``python -m scripts.bench [wave|redemption|settle …] [--members N] [--rounds 3]``; all: --help.

On SQLite, or with ``DATABASE_URL`` on scratch databases beside the PostgreSQL or MariaDB one it
names. ``growth`` measures the same paths with ``--members`` and a hundredth of them.
"""

import argparse
import logging
import os
import sys
from types import ModuleType

from scripts.bench import growth, identify, login_claim, quote, redemption, settle, wave
from scripts.bench.laboratory import laboratory
from scripts.bench.ratios import Finding, table

BENCHMARKS: dict[str, ModuleType] = {
    "wave": wave,
    "login_claim": login_claim,
    "identify": identify,
    "redemption": redemption,
    "quote": quote,
    "settle": settle,
    "growth": growth,
}


def main(arguments: list[str] | None = None) -> int:
    """Run what was named, or all; 1 when a target was missed and ``--gate`` asks to say so."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="name")
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gate", action="store_true", help="exit 1 when a target is missed")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    findings: list[Finding] = []
    with laboratory(os.environ.get("DATABASE_URL", "")) as lab:
        for name in options.names or BENCHMARKS:
            findings += BENCHMARKS[name].run(lab, members=options.members, rounds=options.rounds)
    print(table(findings))
    return int(options.gate and not all(found.is_met for found in findings))


if __name__ == "__main__":
    sys.exit(main())
