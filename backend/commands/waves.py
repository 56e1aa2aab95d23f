"""``flask waves run|preview --at TIME``: as if the business clock read TIME."""

import json
import time
from dataclasses import asdict
from datetime import datetime

import click
from flask import Flask
from flask.cli import AppGroup

from backend import clock, installation, tenancy
from backend.campaigns import figures, reminders, waves
from backend.campaigns.cadence import Cycle
from backend.campaigns.figures import WaveFigures
from backend.commands.clock import instant
from backend.database import end_read
from backend.errors import DomainError

group = AppGroup("waves", help="发券批次")
_at = click.option(
    "--at", required=True, metavar="TIME", callback=lambda _c, _p, value: instant(value)
)


def register(app: Flask) -> None:
    app.cli.add_command(group)


@group.command("run")
@_at
def run(at: datetime) -> None:
    """Run every cycle due at TIME to its end, then the reminders of that slot; a JSON line per
    wave, also for those found done."""
    if at > clock.now():
        raise click.ClickException("TIME 不能晚于业务时钟")
    try:
        installation.require_living()
    except DomainError as refusal:
        raise click.ClickException(refusal.message) from refusal
    for merchant_id, campaign_id, cycle in waves.due_now(at):
        _run_one(merchant_id, campaign_id, cycle, at)
        _print(figures.of_cycle(merchant_id, campaign_id, cycle, at=at))
    reminders.run(at)


@group.command("preview")
@_at
def preview(at: datetime) -> None:
    """The same figures without granting."""
    for wave in figures.preview(at):
        _print(wave)


def _run_one(merchant_id: int, campaign_id: int, cycle: Cycle, at: datetime) -> None:
    """Beside workers the wave is shared; we return when it is done, or cannot go on."""
    with tenancy.acting_for(merchant_id):
        wave_id = waves.open_one(campaign_id, cycle, at=at)
        while not waves.run(wave_id, at=at) and waves.can_go_on(wave_id):
            end_read()
            time.sleep(0.05)


def _print(wave: WaveFigures) -> None:
    click.echo(json.dumps(asdict(wave), ensure_ascii=False))
