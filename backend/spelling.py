"""写法: what people type, paste, scan or swipe, without what only the way it came added.

One spelling is stored and looked for; every reader of a phone, a card or a coupon number begins
here. Pure.
"""

import re
import unicodedata

_BARCODE = re.compile(r"[A-Z][A-Z0-9_]*,")
_SWIPED = re.compile(r"[;%](?P<said>[^;?]+)\?.?")
_SPACING = re.compile(r"[\s\-\u2010-\u2015\u2212]")


def shown(text: str) -> str:
    """As people see it: full width becomes half, what no eye sees (Unicode Cf: direction marks,
    zero widths, byte order marks) is dropped, and the blanks around it."""
    half = unicodedata.normalize("NFKC", text)
    return "".join(sign for sign in half if unicodedata.category(sign) != "Cf").strip()


def compact(text: str) -> str:
    """``shown``, without blanks and hyphens."""
    return _SPACING.sub("", shown(text))


def scanned(text: str) -> str:
    """``shown``, without what a scanner (``CODE_128,…``) or a card reader (``;…?``) put around."""
    said = shown(text)
    said = _BARCODE.sub("", said, count=1) if _BARCODE.match(said) else said
    swiped = _SWIPED.fullmatch(said)
    return swiped["said"] if swiped else said
