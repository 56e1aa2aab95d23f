"""``flask clock show`` and ``flask clock set TIME [--hold]``: the business clock."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from flask import Flask
from flask.cli import AppGroup

from backend import clock
from backend.errors import DomainError

group = AppGroup("clock", help="业务时钟")
_ZONE = ZoneInfo("Asia/Shanghai")


def register(app: Flask) -> None:
    app.cli.add_command(group)


@group.command("show")
def show() -> None:
    """Print the business time."""
    click.echo(json.dumps({"now": clock.now().astimezone(_ZONE).isoformat(timespec="seconds")}))


@group.command("set")
@click.argument("time", callback=lambda _c, _p, value: instant(value))
@click.option("--hold", is_flag=True, help="stand still there")
def set_(time: datetime, hold: bool) -> None:
    """Move the business clock to TIME (RFC 3339; without an offset Shanghai's)."""
    try:
        clock.set_clock(time, hold=hold)
    except DomainError as error:
        raise click.ClickException(error.message) from error
    show.callback()  # type: ignore[misc]


def instant(text: str) -> datetime:
    """A time as typed: RFC 3339, or ``2026-11-23 09:00`` in the merchants' zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"不是时间：{text}（例：2026-11-23T09:00:00+08:00）") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=_ZONE)
