"""What the README and its neighbours tell people to type exists."""

import re
from pathlib import Path

import click
import pytest
from flask import Flask

from scripts.environment import ROOT

TOLD = (
    ROOT / "README.md",
    ROOT / "README.zh-CN.md",
    ROOT / ".env.example",
    ROOT / "compose.yaml",
    ROOT / "Dockerfile",
    *sorted((ROOT / "docs").rglob("*.md")),
)
_COMMAND = re.compile(r"(?:`flask|--app wsgi) ([a-z][a-z-]*)(?: ([a-z]+))?")
_MODULE = re.compile(r"python3? -m ((?:scripts|jobs|tests)[a-z_.]*)")
_SCRIPT = re.compile(r"(?<![\w/])(?:scripts|\.ci)/(?!test_)[a-z_]+(?:\.py)?\b")


@pytest.mark.parametrize("path", TOLD, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_told_exists(path: Path, product: Flask) -> None:
    for name, second in _COMMAND.findall(_plain(path)):
        command = _command(product, name)
        assert command is not None, f"{path.name} tells of flask {name}"
        if isinstance(command, click.Group):
            assert not second or second in command.commands, f"flask {name} {second}"


def test_every_command_of_the_list_exists(product: Flask) -> None:
    for path in TOLD[:2]:
        line = next(
            line for line in path.read_text().splitlines() if "`setup apply|export`" in line
        )
        told = [part.split() for part in re.findall(r"`([a-z][^`…]*)`", line)]
        assert len(told) >= 9
        for words in told:
            command = _command(product, words[0])
            if isinstance(command, click.Group):
                assert set(words[1].split("|")) <= set(command.commands), words


@pytest.mark.parametrize("path", TOLD, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_script_and_module_that_is_told_exists(path: Path) -> None:
    text = path.read_text()
    for name in _SCRIPT.findall(text):
        assert (ROOT / name).exists(), f"{path.name} tells of {name}"
    for name in _MODULE.findall(text):
        place = ROOT / name.rstrip(".").replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").exists(), f"{path.name}: {name}"


def _command(product: Flask, name: str) -> click.Command | None:
    return product.cli.get_command(click.Context(product.cli), name)


def _plain(path: Path) -> str:
    """compose's lists read as a command line."""
    return re.sub(r"\[flask, --app, wsgi, ", "flask --app wsgi ", path.read_text()).replace(
        ", upgrade", " upgrade"
    )
