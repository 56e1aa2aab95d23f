"""``flask members import FILE --merchant CODE``: members of an earlier system."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select

from backend import clock, statistics, tenancy
from backend.database import db
from backend.errors import DomainError
from backend.membership.correcting import correct, plan
from backend.membership.importing import import_members
from backend.merchants.models import Merchant

group = AppGroup("members", help="会员")


def register(app: Flask) -> None:
    app.cli.add_command(group)


@group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--merchant", required=True, metavar="CODE", help="商家编码")
def import_(file: Path, merchant: str) -> None:
    """Import FILE; bad lines go to FILE.rejected.csv with a column ``reason``."""
    try:
        with tenancy.acting_for(_merchant_id(merchant)):
            counted = import_members(file, now=clock.now())
        statistics.refresh()
    except DomainError as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(json.dumps(asdict(counted), ensure_ascii=False))


@group.command("correct")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--merchant", required=True, metavar="CODE", help="商家编码")
@click.option("--reason", required=True, help="原因，写进流水")
@click.option("--yes", is_flag=True, help="不再询问")
def correct_(file: Path, merchant: str, reason: str, yes: bool) -> None:
    """Put the points and balances of FILE in the place of what its members have. Prints whom it
    changes and how much, a JSON line each, and asks before it does."""
    now = clock.now()
    try:
        with tenancy.acting_for(_merchant_id(merchant)):
            told = plan(file, now=now)
            for each in told:
                click.echo(json.dumps(asdict(each), ensure_ascii=False))
            if told and (
                yes or click.confirm(f"更正以上 {len(told)} 位会员？", abort=True, err=True)
            ):
                correct(file, told, reason=reason, actor="command", now=now)
    except DomainError as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(json.dumps({"corrected": len(told)}))


def _merchant_id(code: str) -> int:
    found = db.session.scalar(select(Merchant.id).where(Merchant.code == code))
    if found is None:
        raise click.ClickException(f"没有商家{code}")
    return int(found)
