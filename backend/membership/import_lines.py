"""导入文件的一行: what a line says about one member, read and judged without the database."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from backend import spelling
from backend.calendar import instant, parse_instant, start_of_day
from backend.errors import ParamError
from backend.members import cards
from backend.members.models import Gender
from backend.members.phones import WRONG, canonical
from backend.membership.import_files import COLUMNS, YUAN
from backend.money import parse_yuan


class BadLine(Exception):
    """Why this line is not imported, in words for its column ``reason``."""


@dataclass(frozen=True)
class Line:
    """One member as the file says; what is empty there is None and stays as it is. ``unread``:
    attributes that could not be read, in words; neither who it is nor money is ever among them."""

    phone: str | None
    card: str | None
    nickname: str | None
    level: str | None
    points: int | None
    balance_fen: int | None
    gender: Gender | None
    birthday: date | None
    registered_at: datetime | None
    tags: tuple[str, ...]
    note: str | None
    unread: tuple[str, ...] = ()


def read_line(cells: Mapping[str, str], *, zone: ZoneInfo, now: datetime) -> Line:
    """One line. A phone or a card is required; amounts are whole and not negative; nobody is born
    or registered in the future."""
    said = {name: spelling.shown(cells.get(name) or "") for name in (*COLUMNS, YUAN)}
    if not said["phone"] and not said["card"]:
        raise BadLine("手机号和卡号至少填一个")
    unread: list[str] = []
    tags = (tag.strip() for tag in _BETWEEN_TAGS.split(said["tags"]))
    return Line(
        phone=_phone(said["phone"]),
        card=_card(said["card"]),
        nickname=_words(said, "nickname", 120),
        level=said["level"] or None,
        points=_whole(said, "points"),
        balance_fen=_whole(said, "balance_fen") if said["balance_fen"] else _yuan(said[YUAN]),
        gender=_gender(said["gender"], unread),
        birthday=_birthday(said["birthday"], unread, zone=zone, now=now),
        registered_at=_registered(said["registered_at"], unread, zone=zone, now=now),
        tags=tuple(_tag(tag) for tag in dict.fromkeys(tags) if tag),
        note=_words(said, "note", 200),
        unread=tuple(unread),
    )


def _phone(text: str) -> str | None:
    if not text:
        return None
    try:
        return canonical(text)
    except ParamError:
        raise BadLine(WRONG) from None


def _card(text: str) -> str | None:
    if _DIGITS_LOST.fullmatch(text):
        raise BadLine(f"卡号 {text} 已丢失位数，请把这一列设为文本后重新导出")
    number = cards.canonical(text)
    if len(number) > 64:
        raise BadLine("card 太长，最多64个字")
    if "\x00" in number:
        raise BadLine("card 有不能保存的字符")
    return number or None


def _words(said: Mapping[str, str], name: str, most: int) -> str | None:
    if len(said[name]) > most:
        raise BadLine(f"{name} 太长，最多{most}个字")
    if "\x00" in said[name]:
        raise BadLine(f"{name} 有不能保存的字符")
    return said[name] or None


def _tag(tag: str) -> str:
    if len(tag) > 40:
        raise BadLine("tags 太长，每个标签最多40个字")
    return tag


def _whole(said: Mapping[str, str], name: str) -> int | None:
    text = said[name]
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 13):
        raise BadLine(f"{name} 应为整数，不能小于0")
    return int(text)


def _yuan(text: str) -> int | None:
    if not text:
        return None
    try:
        fen = parse_yuan(text.removeprefix("¥"))
    except ValueError:
        fen = -1
    if not 0 <= fen < 10**13:
        raise BadLine("余额应为金额（元），最多两位小数，不能小于0")
    return fen


def _gender(text: str, unread: list[str]) -> Gender | None:
    said = text.lower()
    if said and said not in _GENDERS and said not in _UNKNOWN:
        unread.append(f"gender“{text[:20]}”看不懂，已留空")
    return _GENDERS.get(said)


def _birthday(text: str, unread: list[str], *, zone: ZoneInfo, now: datetime) -> date | None:
    found = _local(text)
    if text and found is None:
        unread.append(f"birthday“{text[:20]}”看不懂，已留空")
    elif found is not None and start_of_day(found.date(), zone) > now:
        unread.append(f"birthday“{text[:20]}”晚于今天，已留空")
        return None
    return found.date() if found else None


def _registered(text: str, unread: list[str], *, zone: ZoneInfo, now: datetime) -> datetime | None:
    """RFC 3339, or a day or a time of the merchant's zone, as the desk's export writes them."""
    if not text:
        return None
    found = _local(text)
    try:
        at = instant(found.date(), found.time(), zone) if found else parse_instant(text)
    except (ValueError, OverflowError):
        unread.append(f"registered_at“{text[:30]}”看不懂，已留空")
        return None
    if at > now:
        unread.append(f"registered_at“{text[:30]}”晚于现在，已留空")
        return None
    return at


def _local(text: str) -> datetime | None:
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 of the zone, unsaid
    except ValueError:
        return None


_DAY = re.compile(
    r"([0-9]{4})[-/.年]?([0-9]{1,2})[-/.月]?([0-9]{1,2})日?"
    r"(?: ([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?"
)
_DIGITS_LOST = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]+")
_BETWEEN_TAGS = re.compile(r"[;、]")
_GENDERS = {
    **dict.fromkeys(("male", "m", "男", "男性", "男士", "先生"), Gender.MALE),
    **dict.fromkeys(("female", "f", "女", "女性", "女士", "小姐"), Gender.FEMALE),
}
_UNKNOWN = {"unknown", "未知", "保密"}
