"""字段不合: a field of WeChat's whose type cannot hold what is to stand in it. Pure.

The message would still leave, with 无 or a part of it in that place (``compose``): whoever maps the
fields is told before.
"""

import re
from collections.abc import Collection

_TIMES = frozenset({"valid_from", "valid_to", "time"})
_COUNTS = frozenset({"count", "points", "points_total"})
_DIGITS = _COUNTS | {"number"}
_WORDS = frozenset({"title", "store", "merchant", "level", "remark"})

_TAKES: dict[str, frozenset[str]] = {
    "number": _DIGITS,
    "character_string": _DIGITS | _TIMES,
    "time": _TIMES,
    "date": _TIMES,
    "amount": frozenset({"amount"}),
    "phrase": _WORDS - {"title", "remark"},
    "name": _WORDS - {"title", "remark"},
    "letter": frozenset(),
    "symbol": frozenset(),
    "phone_number": frozenset(),
    "car_number": frozenset(),
}
"""Which data names a type may hold; what is not listed (``thing``, ``const``) takes anything."""

_IS = {
    "number": "只能填数字",
    "character_string": "只能填数字、字母和符号",
    "time": "只能填时间",
    "date": "只能填日期",
    "amount": "只能填金额",
    "phrase": "只能填5个以内的汉字",
    "name": "只能填10个以内的汉字或20个以内的字母",
    "letter": "只能填字母",
    "symbol": "只能填符号",
    "phone_number": "只能填电话号码",
    "car_number": "只能填车牌号码",
}
_CURE = "请在微信后台选用别的关键词（如thing）"
_PHRASE = re.compile(r"[\u4e00-\u9fff]{1,5}")
_LATIN_NAME = re.compile(r"[A-Za-z .'-]{1,20}")


def misfit(field: str, fact: str, *, values: Collection[str] = ()) -> str | None:
    """Why ``field`` cannot show ``fact``, in words with the cure; None: it can.

    ``values``: what the fact may say here, where that is known (the names of the levels).
    """
    kind = re.sub(r"\d.*$", "", field)
    if kind not in _TAKES:
        return None
    if fact not in _TAKES[kind]:
        return f"{field}{_IS[kind]}，放不下{fact}，{_CURE}"
    for value in values:
        if not _holds(kind, value):
            return f"{field}{_IS[kind]}，放不下“{value}”，{_CURE}"
    return None


def _holds(kind: str, value: str) -> bool:
    if kind == "phrase":
        return bool(_PHRASE.fullmatch(value))
    return kind != "name" or bool(_LATIN_NAME.fullmatch(value)) or len(value) <= 10
