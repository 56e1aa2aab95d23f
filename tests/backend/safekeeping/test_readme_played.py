"""README's lines are played on a small deployment; a new line fails until it is said here how."""

import re
from pathlib import Path

import pytest

from scripts.environment import ROOT
from tests.backend.safekeeping.conftest import Embedded
from tests.conftest import StillClock

READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")

ELSEWHERE = {
    "python3 scripts/run.py": "tests/scripts/test_deployment.py",
    "python3 scripts/run.py --tour": ".ci/run",
    "python3 scripts/test.py": ".ci/run",
    ".ci/run": ".ci/run",
    "clock set 09:00": "tests/backend/test_clock.py",
    "python -m scripts.bench": "tests/scripts/test_bench.py",
    "python -m scripts.bench growth": "tests/scripts/test_bench.py",
}
"""What takes a whole machine, or a clock that runs, is played there."""

DEMO = str(ROOT / "scripts" / "demo" / "setup.yaml")
PERSON = "--merchant xinghuo --phone 13800000001"
PLAYED: dict[str, tuple[str, str]] = {
    "setup apply": (DEMO, ""),
    "setup export": ("", "merchants:"),
    "members import": ("{members} --merchant xinghuo", '"imported"'),
    "members correct": ("{members} --merchant xinghuo --reason 盘点 --yes", '"corrected"'),
    "staff create": ("--merchant xinghuo --login new --role marketing", '"password"'),
    "staff reset": ("--merchant xinghuo --login new", '"password"'),
    "staff reset --merchant xinghuo --login boss": ("", '"password"'),
    "verifiers invite": ("--merchant xinghuo --store s01", '"token"'),
    "verifiers unbind": (PERSON, "不是核销员"),
    "why": (f"{PERSON} --campaign welcome", "{"),
    "waves preview --at": ("2026-11-23T09:00:00+08:00", ""),
    "waves run --at": ("2026-11-23T07:00:00+08:00", ""),
    "clock show": ("", "2026-11-23"),
    "clock set": ("2037-01-01T10:00:00+08:00", ""),
    "outbox drain": ("", ""),
    "doctor": ("", ""),
    "doctor --repair": ("", ""),
    "backup": ("{backup}", ""),
    "restore": ("{backup}", "已暂停消息"),
    "outbox held": ("", ""),
    "outbox release": ("", ""),
    "outbox drop": ("", ""),
    "restore --fence": ("", "已暂停消息"),
    "restore --moved": ("", "已记下新的位置"),
}
"""The words that follow, and what is said then."""
REFUSED = {"verifiers unbind"}


def told(readme: Path) -> set[str]:
    """Lines that begin a command in blocks of code, whole commands in the text, and the list."""
    text = readme.read_text()
    blocks = re.findall(r"```\n(.*?)```", text, re.DOTALL)
    lines = {re.split(r"\s+(?:#|\[)", line)[0].strip() for b in blocks for line in b.splitlines()}
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for code in inline:
        if code.startswith("python"):
            lines.add(code.split(" [")[0])
        elif code.startswith("DATA_DIR=") and not code.endswith("…"):
            lines.add(code.partition("--app wsgi ")[2])
    (listed,) = (line for line in text.splitlines() if "`setup apply|export`" in line)
    for code in re.findall(r"`([a-z][^`]*)`", listed):
        lines |= set(_spelt_out(code))
    return {line for line in lines if line}


def _spelt_out(code: str) -> list[str]:
    """``waves run|preview --at``, ``doctor [--repair]``: each way to call it."""
    optional = re.search(r" \[(.*)\]", code)
    if optional:
        bare = code[: optional.start()]
        return [bare, *(f"{bare} {each}" for each in optional[1].split("|"))]
    words = code.split()
    if len(words) < 2:
        return [code]
    return [" ".join((words[0], each, *words[2:])) for each in words[1].split("|")]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_every_line_is_played_somewhere(readme: Path) -> None:
    assert told(readme) == set(PLAYED) | set(ELSEWHERE)


def test_what_is_told_is_done(embedded: Embedded, clock: StillClock, tmp_path: Path) -> None:
    members = tmp_path / "members.csv"
    members.write_text("phone,nickname,points\n13800000001,小林,5\n")
    places = {"members": members, "backup": tmp_path / "safe.db"}
    wrong = []
    for line, (more, said) in PLAYED.items():
        words = f"{line} {more}".format(**places).split()
        code, answer = embedded.flask(*words)
        if (code != 0) != (line in REFUSED) or said not in answer:
            wrong.append(f"{line}: {code} {answer}")
    assert wrong == []
