"""导入文件的一行: what a line says about one member, read and judged without the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from backend.calendar import parse_date, parse_instant, start_of_day
from backend.errors import ParamError
from backend.members.models import Gender
from backend.members.phones import canonical

COLUMNS = (
    "phone",
    "nickname",
    "card",
    "level",
    "points",
    "balance_fen",
    "gender",
    "birthday",
    "registered_at",
    "tags",
    "note",
)


class BadLine(Exception):
    """Why this line is not imported, in words for its column ``reason``."""


@dataclass(frozen=True)
class Line:
    """One member as the file says; what is empty there is None and stays as it is."""

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


def read_line(cells: Mapping[str, str], *, zone: ZoneInfo, now: datetime) -> Line:
    """One line. A phone or a card is required; amounts are whole and not negative; nobody is born
    or registered in the future."""
    said = {name: (cells.get(name) or "").strip() for name in COLUMNS}
    if not said["phone"] and not said["card"]:
        raise BadLine("手机号和卡号至少填一个")
    registered_at = _instant(said["registered_at"], zone)
    if registered_at is not None and registered_at > now:
        raise BadLine("注册时间晚于现在")
    birthday = _day(said["birthday"])
    if birthday is not None and start_of_day(birthday, zone) > now:
        raise BadLine("生日晚于今天")
    tags = (tag.strip() for tag in said["tags"].replace("；", ";").split(";"))
    return Line(
        phone=_phone(said["phone"]),
        card=_words(said, "card", 64),
        nickname=_words(said, "nickname", 120),
        level=said["level"] or None,
        points=_whole(said, "points"),
        balance_fen=_whole(said, "balance_fen"),
        gender=_gender(said["gender"]),
        birthday=birthday,
        registered_at=registered_at,
        tags=tuple(_tag(tag) for tag in dict.fromkeys(tags) if tag),
        note=_words(said, "note", 200),
    )


def _phone(text: str) -> str | None:
    if not text:
        return None
    try:
        return canonical(text)
    except ParamError:
        raise BadLine("手机号应为11位数字") from None


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


def _gender(text: str) -> Gender | None:
    if not text:
        return None
    if text not in _GENDERS:
        raise BadLine("gender 应为 male 或 female")
    return _GENDERS[text]


def _day(text: str) -> date | None:
    try:
        return parse_date(text) if text else None
    except ValueError:
        raise BadLine("birthday 应写作 1990-05-20") from None


def _instant(text: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    try:
        return start_of_day(parse_date(text), zone) if len(text) == 10 else parse_instant(text)
    except (ValueError, OverflowError):
        raise BadLine("registered_at 应写作 2026-01-01 或 2026-01-01T10:00:00+08:00") from None


_GENDERS = {"male": Gender.MALE, "female": Gender.FEMALE, "男": Gender.MALE, "女": Gender.FEMALE}
