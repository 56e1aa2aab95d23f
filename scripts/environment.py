"""运行环境. The project's own Python environment, made where it is missing.

Standard library only: this runs before anything is installed. ``.venv`` gets exactly what a lock
file names, checked by hash; a stamp inside it remembers the lock's sha256, so that the next start
installs nothing.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def enter(lock: str) -> None:
    """Go on inside ``.venv`` with everything ``lock`` names; the process id stays the same."""
    if not _is_installed(lock):
        with _alone():
            if not _is_installed(lock):
                _install(lock)
    if Path(sys.prefix).resolve() != VENV.resolve():
        sys.stdout.flush()
        os.execv(PYTHON, [str(PYTHON), *sys.argv])


def _install(lock: str) -> None:
    print(f"准备运行环境 · Preparing .venv from {lock} (up to a minute) …", flush=True)
    if not _has_pip():
        _run(
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            "无法创建 .venv · Cannot make .venv. Debian/Ubuntu: apt install python3-venv",
        )
    _run(
        [
            str(PYTHON),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ]
        + ["--require-hashes", "-r", str(ROOT / lock)],
        "安装依赖失败 · Installing the requirements failed; the lines above say why",
    )
    _stamp(lock).write_text(_fingerprint(lock))


def _is_installed(lock: str) -> bool:
    return (
        PYTHON.exists() and _stamp(lock).exists() and _stamp(lock).read_text() == _fingerprint(lock)
    )


def _stamp(lock: str) -> Path:
    return VENV / f"{lock}.sha256"


def _fingerprint(lock: str) -> str:
    return hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()


def _has_pip() -> bool:
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0


def _run(command: list[str], failed: str) -> None:
    try:
        if subprocess.run(command).returncode:
            sys.exit(failed)
    except KeyboardInterrupt:
        sys.exit("已中断 · Interrupted")


@contextmanager
def _alone() -> Iterator[None]:
    """Two first starts at once install one after the other."""
    with (ROOT / "requirements.txt").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
