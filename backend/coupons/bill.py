"""账单明细: what a coupon is judged and counted on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BillLine:
    """One line of a bill, at its original price; the service fee is not a line.

    ``discounted``: the till already sells it at a special price.
    """

    dish: str
    category: str | None
    quantity: int
    price_fen: int
    discounted: bool = False

    def __post_init__(self) -> None:
        if self.quantity < 1 or self.price_fen < 0:
            raise ValueError("a line has at least one unit and no negative price")

    @property
    def amount_fen(self) -> int:
        """Quantity × price."""
        return self.quantity * self.price_fen
