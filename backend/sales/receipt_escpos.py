"""ESC/POS 小票: the receipt as a printer takes it, Chinese in GB18030. (spec/05, 4)"""

from escpos.constants import QR_ECLEVEL_M
from escpos.printer import Dummy

from backend.sales.receipt import ReceiptData
from backend.sales.receipt_layout import NARROW, Kind, Row, rows

_KANJI_ON = b"\x1c&"
_CODE_SIZE = 6


class _Paper(Dummy):  # type: ignore[misc]
    """A printer that only keeps what it is told."""

    def print_row(self, row: Row) -> None:
        """One row; the store's name bold, an address as its QR code."""
        centred = row.kind is not Kind.PLAIN
        self.set(align="center" if centred else "left", bold=row.kind is Kind.TITLE)
        if row.kind is Kind.CODE:
            self.qr(row.text, ec=QR_ECLEVEL_M, size=_CODE_SIZE, native=True)
        self._raw(b"" if row.kind is Kind.CODE else row.text.encode("gb18030"))
        self._raw(b"\n")


def escpos(data: ReceiptData, width: int = NARROW) -> bytes:
    """小票 from initialising the printer to cutting the paper."""
    paper = _Paper()
    paper.hw("INIT")
    paper._raw(_KANJI_ON)
    for row in rows(data, width):
        paper.print_row(row)
    paper.cut(mode="PART")
    return bytes(paper.output)
