"""``flask members import FILE --merchant CODE``: members of an earlier system."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select

from backend import clock, tenancy
from backend.database import db
from backend.errors import DomainError
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
    merchant_id = db.session.scalar(select(Merchant.id).where(Merchant.code == merchant))
    if merchant_id is None:
        raise click.ClickException(f"没有商家{merchant}")
    try:
        with tenancy.acting_for(merchant_id):
            counted = import_members(file, now=clock.now())
    except DomainError as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(json.dumps(asdict(counted)))
