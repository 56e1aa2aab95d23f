"""``flask why``: why this member was (not) granted in that cycle."""

import json
from dataclasses import asdict
from datetime import datetime

import click
from flask import Flask
from sqlalchemy import select

from backend import clock, tenancy
from backend.campaigns.why import why
from backend.commands.clock import instant
from backend.database import db
from backend.errors import DomainError
from backend.members import identify
from backend.merchants.models import Merchant


def register(app: Flask) -> None:
    app.cli.add_command(ask)


@click.command("why")
@click.option("--merchant", required=True, metavar="CODE", help="商家编码")
@click.option("--campaign", required=True, metavar="CODE", help="活动编码")
@click.option("--phone", required=True, help="会员手机号")
@click.option(
    "--at", metavar="TIME", callback=lambda _c, _p, value: instant(value) if value else None
)
def ask(merchant: str, campaign: str, phone: str, at: datetime | None) -> None:
    """为什么这位会员 (没有) 收到券."""
    merchant_id = db.session.scalar(select(Merchant.id).where(Merchant.code == merchant))
    if merchant_id is None:
        raise click.ClickException(f"没有商家 {merchant}")
    try:
        with tenancy.acting_for(merchant_id):
            member = identify.by_phone(phone)
            answer = why(member.id, campaign, at=at or clock.now())
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(json.dumps(asdict(answer), ensure_ascii=False))
