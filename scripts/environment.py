"""运行环境. The project's own Python environment, made where it is missing.

Standard library only: this runs before anything is installed. ``.venv`` gets exactly what a lock
file names, checked by hash; a stamp inside it remembers the lock's sha256, so that the next start
installs nothing. uv does it, itself installed by pip; where uv cannot be had or will not, pip does.
"""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

_PIP = (str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input")
_QUIETLY = ("--quiet", "--retries", "2")
_SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
}


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
    if not _install_with_uv(lock):
        _run(
            [*_PIP, "install", *_QUIETLY, "--require-hashes", "-r", str(ROOT / lock)],
            "安装依赖失败,请检查网络或镜像设置 · Installing the requirements failed (offline? a "
            "mirror?); the lines above say why",
        )
    _stamp(lock).write_text(_fingerprint(lock))


def _install_with_uv(lock: str) -> bool:
    """Many times faster than pip, from the same index; whether it did it."""
    uv_lock = ["--require-hashes", "-r", str(ROOT / "requirements-uv.txt")]
    uv = [str(PYTHON), "-m", "uv", "pip", "install", "--quiet", "--python", str(PYTHON)]
    steps = (
        [*_PIP, "install", *_QUIETLY, *uv_lock],
        [*uv, "--compile-bytecode", "--require-hashes", "-r", str(ROOT / lock)],
    )
    for step in steps:
        try:
            done = subprocess.run(step, env=_as_pip_is_told(), capture_output=True, text=True)
        except OSError as error:
            why = str(error)
        except KeyboardInterrupt:
            sys.exit("已中断 · Interrupted")
        else:
            if done.returncode == 0:
                continue
            why = " ".join(done.stderr.split())[-200:]
        print(f"uv 不可用,改用 pip · Without uv, by pip ({why})", flush=True)
        return False
    return True


def _as_pip_is_told() -> dict[str, str]:
    """uv reads no pip.conf: a mirror set there, or for pip alone, is told to it too."""
    told = subprocess.run([*_PIP, "config", "list"], capture_output=True, text=True).stdout
    found = dict(re.findall(r"^(?:[\w:]+)\.([\w-]+)='(.*)'$", told, re.MULTILINE))
    wanted = {uv: found[pip] for pip, uv in _SETTINGS.items() if pip in found}
    # pip looks into all of its indexes; what comes is checked by hash, wherever it lay
    return {"UV_INDEX_STRATEGY": "unsafe-best-match"} | wanted | dict(os.environ)


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
