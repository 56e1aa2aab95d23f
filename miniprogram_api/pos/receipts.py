"""重打小票, and the receipt as a printer takes it."""

import base64

from flask import request

from backend.errors import FieldError, ParamError
from backend.sales import receipt_layout
from backend.sales.receipt import ReceiptData
from backend.sales.receipt_escpos import escpos
from backend.sales.receipt_layout import NARROW, WIDE
from backend.sales.reprint import reprint
from miniprogram_api.contract import Answer, route
from miniprogram_api.pos.blueprint import blueprint
from miniprogram_api.pos.signature import current_till

PAPER = ("width",)
"""32 characters a line (58 mm), or 48 (80 mm)."""

Printable = str
"""ESC/POS bytes in base64."""


class ReceiptAnswer(Answer):
    """小票 once more; ``printed``: 第几次打印."""

    bill: str
    printed: int
    receipt: ReceiptData
    receipt_text: str
    receipt_escpos: Printable


@route(blueprint, "GET", "/bills/<bill>/receipt", answer=ReceiptAnswer, query=PAPER)
def print_again(bill: str) -> ReceiptAnswer:
    """重打小票: counts, and says which time it is"""
    width = paper_width()
    data = reprint(bill, here=current_till().place)
    return ReceiptAnswer(
        bill=bill,
        printed=data.printed,
        receipt=data,
        receipt_text=receipt_layout.text(data, width),
        receipt_escpos=printable(data, width),
    )


def paper_width() -> int:
    """How many characters a line of the asker's paper holds."""
    said = request.args.get("width", str(NARROW))
    if said not in (str(NARROW), str(WIDE)):
        words = f"应为{NARROW}（58毫米）或{WIDE}（80毫米）"
        raise ParamError(errors=[FieldError(field="width", message=words)])
    return int(said)


def printable(data: ReceiptData, width: int) -> Printable:
    """The bytes for the printer, as JSON can carry them."""
    return base64.b64encode(escpos(data, width)).decode()
