"""机器. May the two commands run here? Readable by any Python 3, so that it can say no."""

import sys


def refuse_unsuitable_machine() -> None:
    """Leave with a clear text on an old Python or on Windows."""
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit(
            "券包需要 Python 3.11 或更新版本,当前为 %d.%d。\n"  # noqa: UP031
            "Quanbao needs Python 3.11 or newer; this is %d.%d (%s)."
            % (sys.version_info[:2] + sys.version_info[:2] + (sys.executable,))
        )
    if sys.platform == "win32":
        sys.exit(
            "Windows 请在 WSL 中运行:wsl python3 scripts/run.py\n"
            "On Windows, run this inside WSL: wsl python3 scripts/run.py"
        )
