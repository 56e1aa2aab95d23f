"""收银接口 /pos/v1: what a till may ask (spec/08)."""

from miniprogram_api.pos import (
    bills,
    cards,
    coupons,
    events,
    exchanges,
    members,
    open_bills,
    points,
    quotes,
    receipts,
    recharges,
    replays,
)
from miniprogram_api.pos.blueprint import blueprint

__all__ = [
    "bills",
    "blueprint",
    "cards",
    "coupons",
    "events",
    "exchanges",
    "members",
    "open_bills",
    "points",
    "quotes",
    "receipts",
    "recharges",
    "replays",
]
