"""ESC/POS 小票: the receipt as a printer takes it, Chinese in GBK. (spec/05, 4)

python-escpos costs a third of a second to import and is loaded at the first receipt.
"""

from typing import Any

from backend.sales.paper import ENCODING
from backend.sales.receipt import ReceiptData
from backend.sales.receipt_layout import NARROW, Kind, Row, rows

_KANJI_ON = b"\x1c&"
_CODE_SIZE = 6


def escpos(data: ReceiptData, width: int = NARROW) -> bytes:
    """小票 from initialising the printer to cutting the paper."""
    from escpos.printer import Dummy

    paper = Dummy()
    paper.hw("INIT")
    paper._raw(_KANJI_ON)
    for row in rows(data, width):
        _print_row(paper, row)
    paper.cut(mode="PART")
    return bytes(paper.output)


def _print_row(paper: Any, row: Row) -> None:  # noqa: ANN401
    """One row; the store's name bold, an address as its QR code."""
    from escpos.constants import QR_ECLEVEL_M

    centred = row.kind is not Kind.PLAIN
    paper.set(align="center" if centred else "left", bold=row.kind is Kind.TITLE)
    if row.kind is Kind.CODE:
        paper.qr(row.text, ec=QR_ECLEVEL_M, size=_CODE_SIZE, native=True)
    paper._raw(b"" if row.kind is Kind.CODE else row.text.encode(ENCODING))
    paper._raw(b"\n")
