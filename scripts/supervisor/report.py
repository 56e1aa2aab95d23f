"""What the supervisor tells the person at the terminal."""

from contextlib import suppress
from pathlib import Path


def say(text: str) -> None:
    """Print now; a terminal that went away does not matter."""
    with suppress(OSError):
        print(text, flush=True)


def tail(log: Path, lines: int = 30) -> str:
    """The end of a log, indented."""
    try:
        text = log.read_text(errors="replace").splitlines()
    except OSError:
        text = []
    return "\n".join(f"    {line}" for line in text[-lines:])
