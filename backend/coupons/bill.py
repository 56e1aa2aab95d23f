"""账单明细: what a coupon is judged and counted on."""

from dataclasses import dataclass

from backend.quantity import PIECE, Quantity, amount_fen, thousandths


@dataclass(frozen=True)
class BillLine:
    """One line of a bill, at its original price; the service fee is not a line.

    ``discounted``: the till already sells it at a special price.
    """

    dish: str
    category: str | None
    quantity: Quantity
    price_fen: int
    discounted: bool = False

    def __post_init__(self) -> None:
        if self.thousandths < 1 or self.price_fen < 0:
            raise ValueError("a line has something of its dish and no negative price")

    @property
    def thousandths(self) -> int:
        """The quantity as it is counted and kept."""
        return thousandths(self.quantity)

    @property
    def pieces(self) -> int:
        """Whole pieces: what is given away or makes a set; of 0.5 斤 there is none."""
        return self.thousandths // PIECE

    @property
    def amount_fen(self) -> int:
        """Quantity × price, rounded half up to the fen."""
        return amount_fen(self.thousandths, self.price_fen)
