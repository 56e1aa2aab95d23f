"""手机号: one spelling for each number, and the masked form that people may see."""

import re
import unicodedata

from backend.errors import FieldError, ParamError

_SPACING = re.compile(r"[\s\-\u2010-\u2015\u2212()]")
_COUNTRY = re.compile(r"(?:\+|00)?86(?=1\d{10}$)")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")


def canonical(text: str, *, field: str = "phone") -> str:
    """Eleven digits; ``+86``, spaces, hyphens and full width are forgiven, all else ParamError."""
    said = _SPACING.sub("", unicodedata.normalize("NFKC", text))
    phone = _COUNTRY.sub("", said, count=1)
    if not _MOBILE.fullmatch(phone):
        raise ParamError(errors=[FieldError(field=field, message="手机号应为11位数字")])
    return phone


def masked(phone: str | None) -> str | None:
    """181****4469 (S1-19); nobody's phone is nothing."""
    return f"{phone[:3]}****{phone[-4:]}" if phone else None
