"""测试. ``python3 scripts/test.py [pytest arguments]``: makes the environment, runs the tests.

On the embedded defaults, or on ``TEST_DATABASE_URL`` and ``TEST_REDIS_URL`` where they are set.
"""

import os
import sys
from pathlib import Path

_CHOOSES_WORKERS = ("-n", "--numprocesses", "-p", "-x", "-s", "--pdb", "--collect-only")


def main() -> int:
    """Check the machine, enter the environment, run pytest at the root of the project."""
    from scripts.machine import refuse_unsuitable_machine

    refuse_unsuitable_machine()
    from scripts import environment

    environment.enter("requirements-dev.txt")
    import pytest

    os.chdir(environment.ROOT)
    arguments = sys.argv[1:]
    if not any(argument.startswith(_CHOOSES_WORKERS) for argument in arguments):
        arguments = ["-n", "2", *arguments]
    return int(pytest.main(arguments))


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    sys.exit(main())
