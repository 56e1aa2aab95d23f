"""``flask staff create`` and ``flask staff reset``: people of the desk; a random password, once."""

import json
from typing import NoReturn

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select

from backend import clock, tenancy
from backend.database import db
from backend.errors import DomainError
from backend.merchants import staff
from backend.merchants.models import Merchant, Role, Store

group = AppGroup("staff", help="后台员工")
_merchant = click.option("--merchant", metavar="CODE", help="商家编码")
_operator = click.option("--operator", is_flag=True, help="运营者的员工")
_login = click.option("--login", required=True, help="账号")


def register(app: Flask) -> None:
    app.cli.add_command(group)


@group.command("create")
@_merchant
@_operator
@_login
@click.option("--role", type=click.Choice([r.value for r in Role if r is not Role.OPERATOR]))
@click.option("--store", "stores", multiple=True, metavar="CODE", help="只限这些门店")
@click.option("--name", default="", help="姓名")
def create(
    merchant: str | None,
    operator: bool,
    login: str,
    role: str | None,
    stores: tuple[str, ...],
    name: str,
) -> None:
    """Make a person; print login and password, once."""
    merchant_id = _merchant_id(merchant, operator=operator)
    if merchant_id is not None and role is None:
        raise click.UsageError("请用 --role 指定角色")
    try:
        made, password = staff.create(
            login,
            role=Role(role) if role and merchant_id is not None else Role.OPERATOR,
            merchant_id=merchant_id,
            name=name,
            stores=_stores(merchant_id, stores) if stores else None,
            actor="command",
            origin="staff create",
            now=clock.now(),
        )
    except DomainError as refusal:
        _refuse(refusal)
    _show(made.login, merchant, password)


@group.command("reset")
@_merchant
@_operator
@_login
def reset(merchant: str | None, operator: bool, login: str) -> None:
    """Give a person a new password; print it, once. All their sessions end."""
    found = staff.find(login, merchant_id=_merchant_id(merchant, operator=operator))
    if found is None:
        _refuse(staff.StaffNotFound(login=login))
    password = staff.reset(found.id, actor="command", origin="staff reset", now=clock.now())
    _show(login, merchant, password)


def _merchant_id(code: str | None, *, operator: bool) -> int | None:
    if operator is (code is not None):
        raise click.UsageError("请用 --merchant CODE 或 --operator 指定一个")
    if code is None:
        return None
    found = db.session.scalar(select(Merchant.id).where(Merchant.code == code))
    if found is None:
        raise click.ClickException(f"没有商家{code}")
    return found


def _stores(merchant_id: int | None, codes: tuple[str, ...]) -> list[str]:
    if merchant_id is None:
        raise click.UsageError("运营者的员工不限门店")
    with tenancy.acting_for(merchant_id):
        known = set(db.session.scalars(select(Store.code)))
    for code in codes:
        if code not in known:
            raise click.ClickException(f"没有门店{code}")
    return [*codes]


def _show(login: str, merchant: str | None, password: str) -> None:
    name = f"{login}@{merchant}" if merchant else login
    click.echo(json.dumps({"login": name, "password": password}, ensure_ascii=False))


def _refuse(refusal: DomainError) -> NoReturn:
    raise click.ClickException(refusal.message) from refusal
