"""手机号: one spelling for each number, and the masked form that people may see.

A number of the mainland is its eleven digits; one from elsewhere has ``+`` and its country before
it, as WeChat confirms it (E.164).
"""

import re

from backend import spelling
from backend.errors import FieldError, ParamError

_BRACKETS = re.compile(r"[()]")
_MAINLAND = re.compile(r"(?:\+|00)?(?:86)?(1[3-9][0-9]{9})")
_NEIGHBOUR = re.compile(r"(?:\+|00)?(852[2-9][0-9]{7}|853[26][0-9]{7}|8869[0-9]{8})")
_ABROAD = re.compile(r"(?:\+|00)(?!852|853|86)([1-9][0-9]{6,14})")
WRONG = "手机号应为11位数字；境外号码请以 + 和国家代码开头，如 +85291234567"


def canonical(text: str, *, field: str = "phone") -> str:
    """``13800000001`` or ``+85291234567``. What surrounds the digits is forgiven (``+86``, ``00``,
    blanks, hyphens, full width, marks that nobody sees), all else is ParamError.

    Hong Kong, Macau and Taiwan are understood without ``+``: no number of the mainland begins so.
    """
    phone = _read(text)
    if phone is None:
        raise ParamError(errors=[FieldError(field=field, message=WRONG)])
    return phone


def sought(text: str) -> str:
    """What to look for when somebody asks for a phone; what is none finds nobody."""
    return _read(text) or text


def masked(phone: str | None) -> str | None:
    """181****4469 (S1-19), +852****4567; nobody's phone is nothing."""
    if not phone:
        return None
    return f"{phone[:-8] if phone.startswith('+') else phone[:3]}****{phone[-4:]}"


def _read(text: str) -> str | None:
    said = _BRACKETS.sub("", spelling.compact(text))
    if mainland := _MAINLAND.fullmatch(said):
        return mainland[1]
    abroad = _NEIGHBOUR.fullmatch(said) or _ABROAD.fullmatch(said)
    return f"+{abroad[1]}" if abroad else None
