"""启动. ``python3 scripts/run.py``: everything of Quanbao on this machine, ready to try.

Makes the environment, then starts Redis, the database, the local WeChat platform, web, workers and
scheduler, restarts what dies, and stops all of it on Ctrl-C. ``--help`` lists the options.
"""

import sys
from pathlib import Path


def main() -> int:
    """Check the machine, enter the environment, start."""
    from scripts.machine import refuse_unsuitable_machine

    refuse_unsuitable_machine()
    from scripts import environment
    from scripts.supervisor.options import read_options

    options = read_options(sys.argv[1:])
    environment.enter("requirements.txt")
    from scripts.supervisor.command import run

    return run(options)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    sys.exit(main())
