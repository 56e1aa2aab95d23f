"""The mini-program, as its customers use it: log-in, card pack, dynamic codes."""

from miniprogram_api.customer import (
    claims,
    coupons,
    exchanges,
    login,
    me,
    open_bills,
    points,
    till_codes,
)
from miniprogram_api.customer.blueprint import blueprint

BLUEPRINTS = (login.blueprint, blueprint)

__all__ = [
    "BLUEPRINTS",
    "blueprint",
    "claims",
    "coupons",
    "exchanges",
    "login",
    "me",
    "open_bills",
    "points",
    "till_codes",
]
