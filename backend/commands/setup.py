"""``flask setup apply FILE`` and ``flask setup export``: the deployment as one YAML file."""

import json
import sys
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from backend import clock
from backend.setup.apply import apply
from backend.setup.export import export
from backend.setup.problems import SetupRefused
from backend.setup.reading import read

group = AppGroup("setup", help="设置文件")


def register(app: Flask) -> None:
    app.cli.add_command(group)


@group.command("apply")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def apply_(file: Path) -> None:
    """Create or bring up to date what FILE says. Passwords made at random are printed, once: a
    line ``{"who","login","password"}`` each; the last line counts what was made and changed."""
    try:
        applied = apply(read(_text(file)), now=clock.now())
    except SetupRefused as refused:
        click.echo(str(refused), err=True)
        sys.exit(1)
    for warning in applied.warnings:
        click.echo(str(warning), err=True)
    for login in applied.logins:
        click.echo(
            json.dumps(
                {"who": login.who, "login": login.login, "password": login.password},
                ensure_ascii=False,
            )
        )
    click.echo(f"made {len(applied.made)}, changed {len(applied.changed)}")


@group.command("export")
def export_() -> None:
    """Print the set-up as YAML, without secrets; applied again it changes nothing."""
    click.echo(export(), nl=False)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        click.echo("文件: 不是 UTF-8", err=True)
        sys.exit(1)
