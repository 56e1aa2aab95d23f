"""纸上的字: what a Chinese printer can print, and how many cells it takes. Pure.

Such a printer holds GBK: a sign of two bytes takes two cells, whatever Unicode says of its width.
What GBK lacks is replaced by what it has, or left out.
"""

import unicodedata
from collections.abc import Iterator

ENCODING = "gbk"

_INSTEAD = {"¥": "￥", "•": "·", "・": "·", "‐": "-", "‑": "-", "−": "-", "©": "(C)", "®": "(R)"}


def clean(said: str) -> str:
    """Without what would steer a printer, or the eye: controls and breaks become spaces, marks of
    direction, joiners and pictures go, ``café`` → ``cafe``, what is a word of its own → ``?``."""
    said = unicodedata.normalize("NFC", said)
    if said.isprintable() and _is_held(said):
        return said
    return "".join(map(_printable, said))


def width(said: str) -> int:
    """Cells on the printer."""
    return len(said.encode(ENCODING))


def wrapped(said: str, most: int) -> Iterator[str]:
    """In rows of so many cells at most."""
    if width(said) <= most:
        yield said
        return
    row, taken = "", 0
    for char in said:
        cells = width(char)
        if taken + cells > most:
            yield row
            row, taken = "", 0
        row, taken = row + char, taken + cells
    yield row


def _printable(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    if category.startswith("C"):
        return ""
    if _is_held(char):
        return char
    for instead in (_INSTEAD.get(char, ""), *_spellings(char)):
        if instead and all(map(_is_held, instead)):
            return instead
    return "?" if category[0] in "LN" else ""


def _spellings(char: str) -> Iterator[str]:
    """``ﬁ`` → ``fi``, ``é`` → ``e``: the plain ones of the same sign."""
    plain = unicodedata.normalize("NFKD", char)
    yield plain
    yield "".join(part for part in plain if not unicodedata.combining(part))


def _is_held(said: str) -> bool:
    try:
        said.encode(ENCODING)
    except UnicodeEncodeError:
        return False
    return True
