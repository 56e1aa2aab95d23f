"""消息内容: our facts in WeChat's fields, within WeChat's limits (47003 otherwise). Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from backend.calendar import local
from backend.messaging.models import Purpose
from backend.money import yuan

FACTS = (
    "title", "valid_from", "valid_to", "count", "number", "store", "merchant", "amount", "points",
    "points_total", "level", "time", "remark",
)  # fmt: skip
"""Data names of every purpose (spec/09)."""


def fields(
    mapping: Mapping[str, JsonValue], facts: Mapping[str, JsonValue], *, zone: ZoneInfo
) -> dict[str, str]:
    """``{"thing1": "title", "date2": "valid_to"}`` filled from the facts, each within its type."""
    return {
        name: fitted(name, facts.get(str(fact)), fact=str(fact), zone=zone)
        for name, fact in mapping.items()
    }


def fitted(field: str, value: JsonValue, *, fact: str = "", zone: ZoneInfo) -> str:
    """One value as WeChat's field type takes it; never empty, which WeChat refuses.

    ``thing1`` cuts at 20 characters, ``phrase`` keeps 5 Chinese ones, ``amount`` writes yuan, a
    phone goes without its extension. A number of any sort that is too long is left out: its
    beginning would be another. Where a time has no value (a coupon without an end) a far one
    stands.
    """
    kind = re.sub(r"\d+$", "", field)
    if kind in ("date", "time"):
        return _timed(kind, value, fact, zone)
    words = re.sub(r"\s+", " ", _written(kind, value, zone)).strip()
    if kind == "phone_number":
        words = _EXTENSION.split(words)[0]
    if kind in _KEEPS:
        words = "".join(re.findall(_KEEPS[kind], words))
    elif kind in _IS:
        found = re.search(_IS[kind], words)
        words = found[0] if found else ""
    limit = _LIMITS.get(kind)
    if kind == "name" and _LATIN.fullmatch(words):
        limit = _LATIN_NAME
    if limit and len(words) > limit and kind in _WHOLE:
        words = ""
    if limit and len(words) > limit:
        words = words[: limit - 1] + "…" if kind in ("thing", "keyword") else words[:limit]
    return words or _EMPTY.get(kind, "无")


def text(purpose: Purpose, facts: Mapping[str, JsonValue], *, zone: ZoneInfo) -> str:
    """The same in one sentence, for the customer-service channel."""
    shown = {name: _written("", facts.get(name), zone) for name in FACTS}
    shown["amount"] = _written("amount", facts.get("amount"), zone)
    shown["valid_to"] = shown["valid_to"] or "长期"
    return _SENTENCES[purpose].format(**shown).strip()


_LIMITS = {
    "thing": 20, "keyword": 20, "number": 32, "letter": 32, "symbol": 5, "character_string": 32,
    "phone_number": 17, "car_number": 8, "name": 10, "phrase": 5, "amount": 14,
}  # fmt: skip
_KEEPS = {
    "phrase": r"[\u4e00-\u9fff]",
    "character_string": r"[\x20-\x7e]",
    "letter": r"[A-Za-z]",
    "phone_number": r"[\d+\-]",
    "symbol": r"[^\w\s\u4e00-\u9fff]",
}
_IS = {"number": r"^[+-]?\d+(?:\.\d+)?", "amount": r"(?<!\d)\d{1,10}(?![\d])(?:\.\d+)?元?"}
_WHOLE = {"number", "phone_number", "car_number"}
_EXTENSION = re.compile(r"转|分机|[#,，;；]|(?:extension|ext|x)\b", re.IGNORECASE)
_LATIN = re.compile(r"[\x20-\x7e]+")
_LATIN_NAME = 20
_EMPTY = {
    "character_string": "-", "letter": "A", "number": "0", "amount": "0元", "symbol": "-",
    "phone_number": "0",
}  # fmt: skip
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NO_END = "2099-12-31"

_SENTENCES = {
    Purpose.COUPON_RECEIVED: "您收到 {count} 张券：{title}，有效期至 {valid_to}，到店出示即可。",
    Purpose.COUPONS_WAITING: "您有 {count} 张券待领取：{title}，打开小程序即自动领取。",
    Purpose.COUPON_EXPIRING: "您的 {title} 将于 {valid_to} 到期，请及时到{store}使用。",
    Purpose.COUPON_REDEEMED: "您的 {title} 已于 {time} 在{store}核销。",
    Purpose.GIFT_RECEIVED: "您赠送的 {title} 已被好友领取。",
    Purpose.GIFT_TAKEN_BACK: "您赠送的 {title} 未被领取，已退回您的卡包。",
    Purpose.CONSUMPTION_COMPLETE: "您于 {time} 在{store}消费 {amount}，谢谢惠顾。",
    Purpose.POINTS_CHANGED: "您的积分变动 {points}，当前积分 {points_total}。",
    Purpose.LEVEL_CHANGED: "恭喜，您的会员等级已变更为 {level}。",
    Purpose.BALANCE_CHANGED: "您的储值余额变动 {amount}。",
    Purpose.MALL_PURCHASE: "您已购买 {title}，可在我的优惠中查看。",
    Purpose.CAMPAIGN_NEWS: "{title} {remark}",
    Purpose.VERIFICATION_CODE: "验证码 {number}，5 分钟内有效。",
}


def _timed(kind: str, value: JsonValue, fact: str, zone: ZoneInfo) -> str:
    """``date`` takes a day or more, ``time`` a day with its time; both refuse other words."""
    moment = _moment(value)
    if moment is not None:
        return f"{local(moment, zone):{'%Y-%m-%d' if kind == 'date' else '%Y-%m-%d %H:%M'}}"
    day = value if isinstance(value, str) and _DAY.fullmatch(value) else _NO_END
    if kind == "date":
        return day
    return f"{day} {'00:00' if fact == 'valid_from' else '23:59'}"


def _written(kind: str, value: JsonValue, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    if kind == "amount":
        return f"{yuan(value)}元" if isinstance(value, int) else f"{value}元"
    moment = _moment(value)
    return str(value) if moment is None else f"{local(moment, zone):%Y-%m-%d %H:%M}"


def _moment(value: JsonValue) -> datetime | None:
    """The instant that an RFC 3339 fact names."""
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\dT", value):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
