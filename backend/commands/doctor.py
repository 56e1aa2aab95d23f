"""``flask doctor [--repair]``: every invariant, and what breaks it."""

import sys

import click
from flask import Flask

from backend.reports import doctor


def register(app: Flask) -> None:
    app.cli.add_command(check)


@click.command("doctor")
@click.option("--repair", is_flag=True, help="rebuild what can be derived first")
def check(repair: bool) -> None:
    """Check every invariant; print what is wrong, exit 1 then."""
    for repaired in doctor.repair() if repair else ():
        click.echo(f"{repaired.name}: 已重建 {repaired.rows} 条")
    found = doctor.check()
    for finding in found:
        click.echo(str(finding))
    if found:
        sys.exit(1)
    click.echo(f"正常：{len(doctor.invariants())} 项检查全部通过")
