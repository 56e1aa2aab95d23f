"""演示商家. The demo merchant with its past, and everybody who can sign in: made as a whole or not
at all, so that an interrupted first start begins anew."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from flask import current_app
from sqlalchemy import select

from backend import clock, tenancy
from backend.database import db, transaction
from backend.merchants.models import Merchant, Role, Staff
from backend.settings import Settings
from backend.setup.apply import Applied, apply
from backend.setup.reading import read
from scripts.demo import mall
from scripts.demo import shop as shops
from scripts.demo.evening import Evening, hours
from scripts.demo.guests import YEAR, people
from scripts.demo.ledger import Ledger
from scripts.demo.month import Month, started_at
from scripts.demo.phones import Phones

SETUP = Path(__file__).with_name("setup.yaml")
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


def first_run(told: Callable[[str], None], *, members: int = MEMBERS) -> list[dict[str, str]]:
    """Set the demo up in this app's empty database; ``{"who","login","password","url"}`` of
    everybody who can sign in. ``told`` hears what is being done."""
    settings: Settings = current_app.config["SETTINGS"]
    now = clock.now()
    with transaction():
        told("商家、门店、活动 · a merchant, its stores and campaigns …")
        applied = apply(read(SETUP.read_text()), now=now)
        live(settings.data_dir, members=members, now=now, told=told)
        return logins(applied, url=f"{settings.public_url}/admin/")


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
    with tenancy.acting_for(merchant.id), transaction():
        shops.open_since(
            merchant,
            opened_at=now - timedelta(days=YEAR + 30),
            campaigns_at=started_at(shops.read(merchant), now),
        )
        shop = shops.read(merchant)
        ledger = Ledger(merchant.id)
        told(f"{members} 位会员 · {members} members …")
        with Phones.of(data, SETUP, now=now) as phones:
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
    return written


def logins(applied: Applied, *, url: str) -> list[dict[str, str]]:
    """Everybody of the desk with the password made for them, by their role."""
    passwords = {each.login: each.password for each in applied.logins}
    rows = db.session.execute(
        select(Staff.login, Staff.role, Merchant.code)
        .outerjoin(Merchant, Merchant.id == Staff.merchant_id)
        .order_by(Staff.id)
    ).all()
    told = []
    for name, role, code in rows:
        login = f"{name}@{code}" if code else name
        who = ROLES[Role(role)]
        told.append({"who": who, "login": login, "password": passwords[login], "url": url})
    return told
