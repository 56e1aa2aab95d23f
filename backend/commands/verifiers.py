"""``flask verifiers invite`` and ``flask verifiers unbind``: 核销员 (spec/09)."""

import json

import click
from flask import Flask
from flask.cli import AppGroup

from backend import clock, tenancy
from backend.calendar import local
from backend.errors import DomainError
from backend.members import identify
from backend.members.queries import ids_of
from backend.merchants import queries, verifiers

group = AppGroup("verifiers", help="核销员")


def register(app: Flask) -> None:
    app.cli.add_command(group)


@group.command("invite")
@click.option("--merchant", required=True, help="商家编号")
@click.option("--store", required=True, help="门店编号")
@click.option("--name", default="", help="核销员姓名")
def invite(merchant: str, store: str, name: str) -> None:
    """Print a binding token: one use, 10 minutes."""
    try:
        with tenancy.acting_for(queries.merchant_id_of(merchant)):
            made = verifiers.invite(store, name=name, now=clock.now())
            expires_at = local(made.expires_at, queries.zone())
    except DomainError as error:
        raise click.ClickException(error.message) from error
    click.echo(
        json.dumps({"token": made.token, "expires_at": expires_at.isoformat(timespec="seconds")})
    )


@group.command("unbind")
@click.option("--merchant", required=True, help="商家编号")
@click.option("--phone", required=True, help="核销员手机号")
def unbind(merchant: str, phone: str) -> None:
    """End a verifier's office at once."""
    try:
        with tenancy.acting_for(queries.merchant_id_of(merchant)):
            member = identify.by_phone(phone)
            unbound = verifiers.unbind(ids_of(member.id), now=clock.now())
    except DomainError as error:
        raise click.ClickException(error.message) from error
    if not unbound:
        raise click.ClickException("该手机号不是核销员")
    click.echo(json.dumps({"unbound": True}))
