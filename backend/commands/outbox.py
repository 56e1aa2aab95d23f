"""``flask outbox drain``: everything that is due leaves now, in this process."""

import json

import click
from flask import Flask
from flask.cli import AppGroup

from backend.messaging import dispatch
from backend.messaging.models import IntentState

group = AppGroup("outbox", help="待发消息")


def register(app: Flask) -> None:
    app.cli.add_command(group)


@group.command("drain")
def drain() -> None:
    """Dispatch what is due; print how many were sent, failed, wait again …"""
    ended = dispatch.drain()
    states = (s for s in IntentState if s is not IntentState.SENDING)
    click.echo(json.dumps({state.value: ended[state.value] for state in states}))
