"""``python -m scripts.demo --first-run``: give a demo merchant that was just set up its past.

Prints a JSON line ``{"who","login","password","url"}`` for everybody who can sign in.
"""

import argparse
import gc
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from flask import current_app
from sqlalchemy import select

from backend import clock, tenancy
from backend.application import backend_app
from backend.database import db, transaction
from backend.merchants import staff
from backend.merchants.models import Merchant, Role, Staff
from backend.settings import Settings, load
from scripts.demo import mall
from scripts.demo import shop as shops
from scripts.demo.evening import Evening, hours
from scripts.demo.guests import YEAR, people
from scripts.demo.ledger import Ledger
from scripts.demo.month import Month, started_at
from scripts.demo.phones import Phones

MEMBERS = 3000
SEED = 20090101
ROLES = {
    Role.OPERATOR: "运营者 · operator",
    Role.OWNER: "老板 · owner",
    Role.MARKETING: "营销 · marketing",
    Role.STORE_MANAGER: "店长 · store manager",
    Role.CASHIER: "收银 · cashier",
    Role.VERIFIER: "核销员 · verifier",
    Role.READ_ONLY: "只读 · read only",
}


def main() -> None:
    """Passwords, then the past."""
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description=__doc__)
    parser.add_argument("--first-run", action="store_true", required=True)
    parser.add_argument("--members", type=int, default=MEMBERS)
    options = parser.parse_args()
    gc.disable()  # what is made here lives to the end
    with backend_app(load()).app_context():
        settings: Settings = current_app.config["SETTINGS"]
        now = clock.now()
        live(settings.data_dir, members=options.members, now=now, told=_tell)
        for login in logins(settings, now=now):
            print(json.dumps(login, ensure_ascii=False), flush=True)


def _tell(progress: str) -> None:
    print(progress, flush=True)


def live(
    data: Path,
    *,
    members: int = MEMBERS,
    now: datetime,
    told: Callable[[str], None] = lambda _progress: None,
) -> int:
    """A year of members and six weeks of campaigns for the one merchant there is; rows written."""
    merchant = db.session.scalars(select(Merchant).order_by(Merchant.id)).first()
    if merchant is None:
        raise SystemExit("先执行 setup apply · apply the set-up file first")
    chance = Random(SEED)
    phones = Phones.of(data, data / "setup.yaml", now=now)
    with tenancy.acting_for(merchant.id), transaction(), phones.store.transaction():
        shops.open_since(
            merchant,
            opened_at=now - timedelta(days=YEAR + 30),
            campaigns_at=started_at(shops.read(merchant), now),
        )
        shop = shops.read(merchant)
        ledger = Ledger(merchant.id)
        told(f"{members} 位会员 · {members} members …")
        guests = people(shop, ledger, phones, chance, count=members, now=now)
        last_meal = hours(shop, now)
        month = Month(shop, ledger, guests, chance, until=last_meal.start, now=now)
        told("一年的账单,六周的活动 · a year of bills, six weeks of campaigns …")
        month.live()
        told("写入数据库 · writing it down …")
        written = ledger.write()
        told("刚过去的饭点 · the last meal time …")
        evening = Evening(shop, guests, month.meals, chance, last_meal)
        evening.live()
        mall.sell(evening)
    phones.store.close()
    return written


def logins(settings: Settings, *, now: datetime) -> list[dict[str, str]]:
    """Everybody's new password, and who can be played on the phone page."""
    told = []
    rows = db.session.execute(
        select(Staff, Merchant.code)
        .outerjoin(Merchant, Merchant.id == Staff.merchant_id)
        .where(Staff.active)
        .order_by(Staff.id)
    ).all()
    for person, code in rows:
        login = f"{person.login}@{code}" if code else person.login
        password = staff.reset(person.id, actor="command", origin="demo", now=now)
        told.append(
            {
                "who": ROLES[Role(person.role)],
                "login": login,
                "password": password,
                "url": f"{settings.public_url}/admin/",
            }
        )
    return told


if __name__ == "__main__":
    main()
