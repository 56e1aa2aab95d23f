"""聚微量商城 in the past: vouchers bought, one given back, some used at the table, and some of a
product that nobody has linked yet."""

from datetime import timedelta

from sqlalchemy import select

from backend.database import db
from backend.malls import shops
from backend.malls.buyers import Buyer
from backend.malls.receive import Event, EventAnswer, EventKind, Sale, receive
from backend.malls.shops import Shop
from backend.vouchers.models import MallShop
from scripts.demo.evening import Evening
from scripts.demo.guests import Guest

LINKED, UNKNOWN = "P60", "P88"
SOLD = 9


def sell(evening: Evening) -> None:
    """Nine of the linked product, two of another; one is given back, three are used."""
    code = db.session.scalar(select(MallShop.code).where(MallShop.active).order_by(MallShop.id))
    shop = None if code is None else shops.shop(code)
    if shop is None or len(evening.regulars) < SOLD + 2:
        return
    buyers = evening.regulars[-SOLD - 2 :]
    bought = [_bought(n, buyer, LINKED, shop, evening) for n, buyer in enumerate(buyers[:SOLD])]
    for n, buyer in enumerate(buyers[SOLD:], start=SOLD):
        _bought(n, buyer, UNKNOWN, shop, evening)
    back = Event("e-refund-1", EventKind.REFUNDED, _voucher(0), None)
    receive(back, shop=shop, now=evening.next())
    for n in (2, 4, 6):
        evening.settle(buyers[n], buyers[n].till, coupon=bought[n].number)


def _bought(n: int, buyer: Guest, product: str, shop: Shop, evening: Evening) -> EventAnswer:
    at = evening.next()
    sale = Sale(
        product=product,
        order=f"JWL2611{n:05d}",
        buyer=Buyer(phone=str(buyer.row["phone"])),
        paid_fen=6000 if product == LINKED else 8800,
        sold_at=at - timedelta(seconds=3),
    )
    return receive(Event(f"e-{n}", EventKind.SOLD, _voucher(n), sale), shop=shop, now=at)


def _voucher(n: int) -> str:
    return f"V88{n:06d}"
