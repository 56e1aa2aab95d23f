"""商家 logo (S0-13): a small picture, told by its own bytes and never by its name."""

from backend.errors import DomainError
from backend.merchants.models import Merchant

MOST_BYTES = 256 * 1024
_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class LogoUnusable(DomainError):
    code = "LOGO_UNUSABLE"
    message = "商家 logo：请上传 PNG 或 JPEG 图片，不超过 256 KB"


def put(merchant: Merchant, picture: bytes) -> None:
    """The merchant's logo from now on."""
    if not media_type(picture) or len(picture) > MOST_BYTES:
        raise LogoUnusable()
    merchant.logo = picture


def media_type(picture: bytes) -> str:
    """What kind of picture this is; empty: none that is taken."""
    return next((kind for start, kind in _KINDS.items() if picture.startswith(start)), "")
