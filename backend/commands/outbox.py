"""``flask outbox drain``: everything that is due leaves now, in this process. ``outbox held``,
``release`` and ``drop``: what a restore holds back."""

import json

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select

from backend import installation
from backend.database import db
from backend.errors import DomainError
from backend.merchants.models import Merchant
from backend.messaging import dispatch
from backend.messaging import held as waiting
from backend.messaging.models import IntentState

group = AppGroup("outbox", help="待发消息")
_merchant = click.option("--merchant", metavar="CODE", help="只看这个商家")


def register(app: Flask) -> None:
    app.cli.add_command(group)


@group.command("drain")
def drain() -> None:
    """Dispatch what is due; print how many were sent, failed, wait again …"""
    try:
        installation.require_living()
    except DomainError as refusal:
        raise click.ClickException(refusal.message) from refusal
    ended = dispatch.drain()
    states = (s for s in IntentState if s not in (IntentState.SENDING, IntentState.HELD))
    click.echo(json.dumps({state.value: ended[state.value] for state in states}))


@group.command("held")
@_merchant
def held(merchant: str | None) -> None:
    """Count what a restore holds back, by purpose."""
    click.echo(json.dumps(waiting.held(_of(merchant))))


@group.command("release")
@_merchant
def release(merchant: str | None) -> None:
    """Send what is held after all; what is too late by now is not sent."""
    click.echo(json.dumps({"released": waiting.release(_of(merchant))}))


@group.command("drop")
@_merchant
def drop(merchant: str | None) -> None:
    """Never send what is held."""
    click.echo(json.dumps({"dropped": waiting.drop(_of(merchant))}))


def _of(code: str | None) -> int | None:
    if code is None:
        return None
    found = db.session.scalar(select(Merchant.id).where(Merchant.code == code))
    if found is None:
        raise click.ClickException(f"没有商家{code}")
    return found
