"""动态码 as a page shows it."""

from datetime import datetime
from typing import Self

from backend.coupons import qr
from backend.merchants.queries import zone
from miniprogram_api.contract import Answer
from miniprogram_api.instants import shown


class QrAnswer(Answer):
    """A dynamic code: ``text`` is what the picture holds and a scan reads."""

    token: str
    text: str
    expires_at: datetime
    svg: str

    @classmethod
    def of(cls, code: qr.QrToken) -> Self:
        """The code with its picture."""
        return cls(
            token=code.text,
            text=code.text,
            expires_at=shown(code.expires_at, zone()),
            svg=qr.svg(code.text),
        )
