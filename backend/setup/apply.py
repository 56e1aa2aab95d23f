"""应用设置文件: create or bring up to date what it says, all of it or nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backend import tenancy
from backend.database import db, transactional
from backend.merchants.models import Operator
from backend.setup.applying import Applying, Login
from backend.setup.problems import Problem, SetupRefused
from backend.setup.schema import MerchantEntry, OperatorEntry, SetupFile
from backend.setup.sections import (
    campaigns,
    levels,
    messages,
    profile,
    staff,
    stores,
    templates,
    wechat,
    wechat_pay,
)


@dataclass(frozen=True)
class Applied:
    """What was made and changed, passwords made at random, and what will not do what it says."""

    made: list[str]
    changed: list[str]
    logins: list[Login]
    warnings: list[Problem]


@transactional
def apply(file: SetupFile, *, now: datetime) -> Applied:
    """应用. Idempotent: a second time nothing changes. What is not named is left alone.

    One transaction for the whole file; raises ``SetupRefused`` with every problem found.
    """
    run = Applying(now=now)
    if file.operator is not None:
        _apply_operator(file.operator, run, at="operator")
    for position, entry in enumerate(file.merchants):
        _apply_merchant(entry, run, at=f"merchants.{position}")
    if run.problems:
        raise SetupRefused(run.problems)
    return Applied(run.made, run.changed, run.logins, run.warnings)


def _apply_operator(entry: OperatorEntry, run: Applying, *, at: str) -> None:
    operator = db.session.scalars(select(Operator)).one_or_none()
    if entry.name is not None:
        run.store(operator or Operator(), {"name": entry.name}, subject="operator")
    elif operator is None:
        run.refuse(f"{at}.name", "必填")
    staff.apply_operators(entry.staff, run, at=f"{at}.staff")
    wechat.apply(entry.wechat, run, at=f"{at}.wechat")


def _apply_merchant(entry: MerchantEntry, run: Applying, *, at: str) -> None:
    """A section that was refused ends its merchant: what follows would only complain of it."""
    found = len(run.problems)
    merchant = profile.apply(entry, run, at=at)
    if merchant is None:
        return
    with tenancy.acting_for(merchant.id):
        profile.apply_subscription(entry, run)
        wechat.apply(entry.wechat, run, at=f"{at}.wechat")
        wechat_pay.apply(entry.wechat_pay, run, at=f"{at}.wechat_pay")
        stores.apply(entry.stores, run, at=f"{at}.stores")
        levels.apply(entry.levels, run, at=f"{at}.levels")
        if len(run.problems) > found:
            return
        staff.apply(entry.staff, run, at=f"{at}.staff")
        templates.apply(entry.templates, run, at=f"{at}.templates")
        messages.apply(entry.messages, run, at=f"{at}.messages")
        if len(run.problems) == found:
            campaigns.apply(entry.campaigns, run, at=f"{at}.campaigns")
