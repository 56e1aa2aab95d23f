"""``python -m tests.faults.warm``: deeds at the counter, each in a fork that may be killed.

Reads a line of JSON for each (``deeds``, ``environment``), answers its exit code and what it said.
Everything is imported before, so that a process costs no more than its deed.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backend import faults
from scripts.environment import ROOT
from scripts.supervisor.report import say
from scripts.wechat_platform.server import start_platform
from tests.faults.counter import DEEDS, Counter
from tests.faults.deployment import COUNTER
from wsgi import create_app


@dataclass(frozen=True)
class Ended:
    """How a process ended: ``code`` negative is the signal that killed it."""

    code: int
    said: str


@dataclass
class Warm:
    """The process that forks."""

    _process: subprocess.Popen[str] = field(
        default_factory=lambda: subprocess.Popen(
            [sys.executable, "-m", "tests.faults.warm"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    )

    def do(self, *deeds: str, environment: Mapping[str, str]) -> Ended:
        """One process that does all of them, to its end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = json.dumps({"deeds": deeds, "environment": dict(environment)})
        self._process.stdin.write(asked + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def main() -> None:
    """Fork for each line until there are no more."""
    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryFile() as said:
            child = os.fork()
            if not child:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                os._exit(_do(asked["deeds"], asked["environment"]))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said.seek(0)
            words = said.read().decode(errors="replace")
        say(json.dumps({"code": code, "said": words[-4000:]}))


def _do(deeds: list[str], environment: dict[str, str]) -> int:
    os.environ.clear()
    os.environ.update(environment)
    importlib.reload(faults)
    try:
        memory = Path(environment["DATA_DIR"]) / "wechat"
        platform = start_platform(data=memory, setup=COUNTER)
        for name in ("WECHAT_API_BASE_URL", "WECHAT_PAY_API_BASE_URL"):
            os.environ[name] = platform.url
        app = create_app()

        def deliver(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
            path = "/" + url.split("/", 3)[3]
            answer = app.test_client().post(path, headers=headers, data=body)
            return answer.status_code, answer.get_data()

        platform.deliver_notice = deliver
        for deed in deeds:
            DEEDS[deed](Counter(app, platform))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        return 1
    return 0


if __name__ == "__main__":
    main()
