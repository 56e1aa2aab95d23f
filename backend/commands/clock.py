"""``flask clock show`` and ``flask clock set TIME [--hold]``: the business clock.

It is one for all merchants: the operator's commands show and read times as Shanghai's clocks do,
unless an offset is written.
"""

import json
import re
from datetime import datetime, time, timedelta

import click
from flask import Flask
from flask.cli import AppGroup

from backend import clock
from backend.calendar import SHANGHAI, local
from backend.errors import DomainError

group = AppGroup("clock", help="业务时钟")


def register(app: Flask) -> None:
    app.cli.add_command(group)


@group.command("show")
def show() -> None:
    """Print the business time."""
    click.echo(json.dumps({"now": local(clock.now(), SHANGHAI).isoformat(timespec="seconds")}))


@group.command("set")
@click.argument("when", metavar="TIME")
@click.option("--hold", is_flag=True, help="stand still there")
def set_(when: str, hold: bool) -> None:
    """Move the business clock to TIME: RFC 3339 (without an offset Shanghai's), or 09:00 for the
    next time it is nine."""
    moment = next_time(when, now=clock.now()) or instant(when)
    try:
        clock.set_clock(moment, hold=hold)
    except DomainError as error:
        raise click.ClickException(error.message) from error
    show.callback()  # type: ignore[misc]


def next_time(text: str, *, now: datetime) -> datetime | None:
    """The next ``09:00`` in the operator's zone; None when ``text`` is not a time of the day."""
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        return None
    today = local(now, SHANGHAI)
    moment = datetime.combine(today, time.fromisoformat(text), SHANGHAI)
    return moment if moment > today else moment + timedelta(days=1)


def instant(text: str) -> datetime:
    """A time as typed: RFC 3339, or ``2026-11-23 09:00`` in the operator's zone, Shanghai's."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"不是时间：{text}（例：2026-11-23T09:00:00+08:00）") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
