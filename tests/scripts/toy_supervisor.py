"""A supervisor over toy children, started by the tests as a process of its own.

``one`` sleeps; ``two`` starts a grandchild in a process group of its own, as an RQ worker does, and
notes its pid; ``base`` is the foundation and notes when it was told to stop.
"""

import sys
from pathlib import Path

from scripts.environment import ROOT
from scripts.supervisor.lock import DataFolderInUse, only_one
from scripts.supervisor.processes import Service, StopAsked, Supervisor
from scripts.supervisor.report import say

_READY = "import sys; open(f'run/{sys.argv[1]}-ready', 'w').close()\n"
_FOREVER = "import time\nwhile True: time.sleep(1)\n"
_WITH_GRANDCHILD = """
import subprocess, sys
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                              process_group=0)
open("run/grandchild", "w").write(str(grandchild.pid))
"""
_FOUNDATION = """
import signal, sys, time
def leave(*_): open("run/base-left", "w").write(str(time.time())); sys.exit()
signal.signal(signal.SIGTERM, leave)
"""
_DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def main(data: Path, extra: list[str]) -> int:
    """Run until a signal comes."""
    try:
        with only_one(data / "run") as lock:
            environment = {"PYTHONPATH": str(ROOT)}
            supervisor = Supervisor(data, environment, data, lock)
            supervisor.listen()
            try:
                supervisor.start(_service("base", _FOUNDATION, foundation=True))
                supervisor.start(_service("one", ""))
                supervisor.start(_service("two", _WITH_GRANDCHILD))
                if "deaf" in extra:
                    supervisor.start(_service("deaf", _DEAF))
                if "broken" in extra:
                    supervisor.start(_service("broken", "raise SystemExit('no such table')"))
                waited_for = ["base", "one", "two", *(name for name in extra if name == "deaf")]
                while not all((data / "run" / f"{name}-ready").exists() for name in waited_for):
                    supervisor.wait(0.05)
                say("ready")
                while True:
                    supervisor.wait(60)
            except StopAsked:
                return 0
            finally:
                supervisor.stop()
    except DataFolderInUse as refusal:
        say(str(refusal))
        return 1


def _service(name: str, program: str, *, foundation: bool = False) -> Service:
    command = (sys.executable, "-c", program + _READY + _FOREVER, name)
    return Service(name, command, foundation)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
