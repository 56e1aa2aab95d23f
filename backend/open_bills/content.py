"""账单内容 as the till puts it: what is to be paid, and what stands above it on paper."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from backend.calendar import parse_instant
from backend.coupons.bill import BillLine
from backend.quantity import Quantity, parse_quantity
from backend.sales.bill import DishLine, Goods


@dataclass(frozen=True)
class Content:
    """台位, guests, cashier, 开台 and the goods of an open bill; ``rounding_fen`` is 抹零, off
    whatever a guest pays by phone."""

    goods: Goods
    table: str = ""
    guests: int = 0
    cashier: str = ""
    opened_at: datetime | None = None
    rounding_fen: int = 0

    @property
    def fingerprint(self) -> str:
        """Equal only for the same content."""
        spelt = json.dumps([self.table, self.kept()], sort_keys=True)
        return hashlib.sha256(spelt.encode()).hexdigest()

    def kept(self) -> dict[str, JsonValue]:
        """As the row keeps it, its table apart."""
        return {
            "lines": [
                {
                    "name": each.name,
                    "dish": each.line.dish,
                    "category": each.line.category,
                    "quantity": _kept(each.line.quantity),
                    "price_fen": each.line.price_fen,
                    "discounted": each.line.discounted,
                    **({"unit": each.unit} if each.unit else {}),
                }
                for each in self.goods.lines
            ],
            "service_fen": self.goods.service_fen,
            "guests": self.guests,
            "cashier": self.cashier,
            "opened_at": None if self.opened_at is None else self.opened_at.isoformat(),
            **({"rounding_fen": self.rounding_fen} if self.rounding_fen else {}),
        }

    @staticmethod
    def read(kept: Mapping[str, Any], *, table: str) -> "Content":
        """The content of a row."""
        lines = (
            DishLine(
                each["name"],
                BillLine(
                    dish=each["dish"],
                    category=each["category"],
                    quantity=_read(each["quantity"]),
                    price_fen=each["price_fen"],
                    discounted=each["discounted"],
                ),
                each.get("unit", ""),
            )
            for each in kept["lines"]
        )
        opened_at = kept["opened_at"]
        return Content(
            Goods(tuple(lines), kept["service_fen"]),
            table=table,
            guests=kept["guests"],
            cashier=kept["cashier"],
            opened_at=None if opened_at is None else parse_instant(opened_at),
            rounding_fen=kept.get("rounding_fen", 0),
        )


def _kept(quantity: Quantity) -> int | str:
    return quantity if isinstance(quantity, int) else str(quantity)


def _read(kept: int | str) -> Quantity:
    return kept if isinstance(kept, int) else parse_quantity(kept)
