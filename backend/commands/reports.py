"""``flask reports rebuild --from DAY --to DAY``: roll-ups from the ledgers."""

from datetime import date

import click
from flask import Flask
from flask.cli import AppGroup

from backend import clock
from backend.calendar import parse_date
from backend.reports import rollup

group = AppGroup("reports", help="报表")


def register(app: Flask) -> None:
    app.cli.add_command(group)


def _day(_context: object, _option: object, said: str) -> date:
    try:
        return parse_date(said)
    except ValueError as error:
        raise click.BadParameter(f"不是日期：{said}（例：2026-11-23）") from error


@group.command("rebuild")
@click.option("--from", "first", required=True, metavar="DAY", callback=_day)
@click.option("--to", "last", required=True, metavar="DAY", callback=_day)
def rebuild(first: date, last: date) -> None:
    """Make the daily figures of these days again, of every merchant."""
    if last < first:
        raise click.BadParameter("--to 不能早于 --from")
    click.echo(f"已重建 {rollup.rebuild_all(first, last, now=clock.now())} 天")
