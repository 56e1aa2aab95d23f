"""模板参数: what WeChat takes in each kind of keyword (thing1, date2, phrase3 …)."""

import re
from collections.abc import Callable, Mapping

from scripts.wechat_platform.errors import WeChatError

_KEY = re.compile(r"([a-z_]+?)\d+")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_CLOCK = r"([01]?\d|2[0-4]):[0-5]\d(:[0-5]\d)?"
_DAY = r"\d{4}(年\d{1,2}月\d{1,2}日|[-/.]\d{1,2}[-/.]\d{1,2})"
_MOMENT = rf"(({_DAY})( ?{_CLOCK})?|{_CLOCK})"


def _like(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _name(value: str) -> bool:
    return len(value) <= (10 if _CHINESE.search(value) else 20)


_TAKES: dict[str, Callable[[str], bool]] = {
    "thing": lambda value: len(value) <= 20,
    "number": _like(r"[+-]?(?=[\d.]{1,33}$)\d{1,32}(\.\d+)?"),
    "letter": _like(r"[A-Za-z]{1,32}"),
    "symbol": _like(r"[^\w\s\u4e00-\u9fff]{1,5}"),
    "character_string": _like(r"[\x20-\x7e]{1,32}"),
    "time": _like(rf"{_MOMENT}(~{_MOMENT})?"),
    "date": _like(rf"{_DAY}( ?{_CLOCK})?(~{_DAY}( ?{_CLOCK})?)?"),
    "amount": _like(r"[¥￥$€£]?\d{1,10}(\.\d+)?元?"),
    "phone_number": _like(r"[\d+\-() *#]{1,17}"),
    "car_number": lambda value: len(value) <= 8,
    "name": _name,
    "phrase": _like(r"[\u4e00-\u9fff]{1,5}"),
    "short_thing": lambda value: True,
    "const": lambda value: True,
    "enum": lambda value: True,
}


def subscribe_values(data: object, required: Mapping[str, str]) -> dict[str, str]:
    """订阅消息: every keyword typed, none missing, none invented; else 47003 naming the field."""
    values = _values(data, required)
    for key, value in values.items():
        takes = _TAKES.get(_kind(key))
        if takes is None or not takes(value):
            raise WeChatError(47003, f"data.{key}.value invalid")
    return values


def template_values(data: object, required: Mapping[str, str]) -> dict[str, str]:
    """模板消息: typed keywords as above; a legacy one (keyword1) is cut at 20 without a word."""
    values = _values(data, required)
    for key, value in values.items():
        takes = _TAKES.get(_kind(key))
        if takes is None:
            values[key] = value.replace("\n", "")[:20]
        elif not takes(value):
            raise WeChatError(47003, f"data.{key}.value invalid")
    return values


def _values(data: object, required: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(data, dict) or not data:
        raise WeChatError(47003, "data is emtpy")
    values = {}
    for key in [*required, *(key for key in data if key not in required)]:
        entry = data.get(key)
        value = entry.get("value") if isinstance(entry, dict) else None
        if value is None or not str(value).strip():
            raise WeChatError(47003, f"data.{key}.value is emtpy")
        values[str(key)] = str(value)
    return values


def _kind(key: str) -> str:
    match = _KEY.fullmatch(key)
    return match[1] if match else ""
