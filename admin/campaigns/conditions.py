"""人群条件 on the form: one row per condition, as many as wanted; back and forth, and in words.

A row's inputs are named ``c3-field``, ``c3-op``, … What a row cannot show (several exact numbers,
say, from a set-up file) is carried along unchanged, in words.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from pydantic import JsonValue, ValidationError
from werkzeug.datastructures import MultiDict

from admin import queries
from admin.fields import day
from admin.words import CLASSES, GENDERS
from backend.campaigns.conditions import Conditions, Op
from backend.errors import FieldError
from backend.money import parse_yuan, yuan
from backend.wrong_fields import field_errors

Choices = Sequence[tuple[str, str]]
Stored = dict[str, JsonValue]
MOST_ROWS = 30

OPS: Mapping[str, str] = {
    Op.AT_LEAST: "≥",
    Op.AT_MOST: "≤",
    Op.IS: "＝",
    Op.MORE: "＞",
    Op.LESS: "＜",
    Op.BETWEEN: "介于",
}
_MONTHS = tuple((str(n), f"{n}月") for n in range(1, 13))
_FLAG = (("yes", "是"), ("no", "否"))


@dataclass(frozen=True)
class Kind:
    """One field a condition may ask for: how its row looks."""

    field: str
    label: str
    shape: str
    unit: str = ""
    choices: Callable[[], Choices] = tuple


KINDS: Mapping[str, Kind] = {
    kind.field: kind
    for kind in (
        Kind(
            "level", "会员等级", "several", choices=lambda: [(n, n) for n in queries.level_names()]
        ),
        Kind("class", "客户分类", "several", choices=lambda: list(CLASSES.items())),
        Kind("consumption_count", "消费次数", "period", "次"),
        Kind("consumption_amount", "消费金额", "period", "元"),
        Kind("days_since_consumption", "最近一次消费", "number", "天前"),
        Kind("registered_days", "注册天数", "number", "天"),
        Kind("registered_at", "注册时间", "dates"),
        Kind("phone_bound", "已绑定手机号", "flag", choices=lambda: _FLAG),
        Kind("follows", "已关注公众号", "flag", choices=lambda: _FLAG),
        Kind("gender", "性别", "several", choices=lambda: list(GENDERS.items())),
        Kind("birth_month", "生日月份", "several", choices=lambda: _MONTHS),
        Kind("tag", "会员标签", "words"),
    )
}


@dataclass(frozen=True)
class Row:
    """A row as the page draws it: what was typed, or what is stored as it is typed."""

    number: str
    kind: Kind
    op: str = Op.AT_LEAST.value
    value: str = ""
    upper: str = ""
    period: str = "ever"
    days: str = ""
    dates: str = ""
    chosen: frozenset[str] = frozenset()
    kept: str = ""
    words: str = ""


def blank(field: str, number: str) -> Row | None:
    """An empty row to begin with; None for a field that does not exist."""
    kind = KINDS.get(field)
    return None if kind is None else Row(number, kind)


def stored(conditions: Sequence[Stored]) -> list[Row]:
    """The rows of stored conditions."""
    return [_row(f"{place}", condition) for place, condition in enumerate(conditions)]


def sent(form: MultiDict[str, str]) -> list[Row]:
    """The rows as they were sent, for the page to show again."""
    numbers = [match[1] for name in form if (match := re.fullmatch(r"c(\d{1,13})-field", name))]
    rows = []
    for number in sorted(numbers, key=int)[:MOST_ROWS]:
        at = f"c{number}-"
        kind = KINDS.get(form[f"{at}field"])
        if kind is None:
            continue
        kept = form.get(f"{at}kept", "")
        rows.append(
            Row(
                number,
                kind,
                op=form.get(f"{at}op", Op.AT_LEAST.value),
                value=form.get(f"{at}value", ""),
                upper=form.get(f"{at}upper", ""),
                period=form.get(f"{at}period", "ever"),
                days=form.get(f"{at}days", ""),
                dates=form.get(f"{at}dates", ""),
                chosen=frozenset(form.getlist(f"{at}chosen")),
                kept=kept,
                words=in_words(json.loads(kept)) if _is_object(kept) else "",
            )
        )
    return rows


def read(rows: Sequence[Row]) -> tuple[list[Stored], list[FieldError]]:
    """The rows as conditions, and what is wrong with the others."""
    found: list[Stored] = []
    wrong: list[FieldError] = []
    for row in rows:
        try:
            condition = _condition(row)
            Conditions.model_validate({"conditions": [condition]})
            found.append(condition)
        except ValidationError as error:
            said = field_errors(error)[0]["message"]
            wrong.append(FieldError(field="", message=f"{row.kind.label}：{said}"))
        except ValueError as error:
            wrong.append(FieldError(field="", message=f"{row.kind.label}：{error}"))
    return found, wrong


def in_words(condition: Stored) -> str:
    """One condition as a chip: ``近 90 天消费次数 ＜ 3``."""
    kind = KINDS[str(condition["field"])]
    value = condition.get("value")
    if kind.shape in ("number", "period"):
        period = f"近 {condition['days']} 天" if condition.get("days") is not None else ""
        if not period and (condition.get("from") or condition.get("to")):
            period = _dates(condition)
        numbers = [_shown(kind, one) for one in _as_list(value)]
        return f"{period}{kind.label} {_compared(str(condition.get('op')), numbers)}{kind.unit}"
    if kind.shape == "dates":
        return f"{kind.label} {_dates(condition) or '、'.join(map(str, _as_list(value)))}"
    if kind.shape == "flag":
        return kind.label if value is True else kind.label.replace("已", "未")
    named = dict(kind.choices())
    return f"{kind.label}：" + "、".join(named.get(str(one), str(one)) for one in _as_list(value))


def _condition(row: Row) -> Stored:
    if row.kept:
        return cast(Stored, json.loads(row.kept)) if _is_object(row.kept) else {}
    found: Stored = {"field": row.kind.field}
    match row.kind.shape:
        case "flag":
            return found | {"op": "=", "value": row.value != "no"}
        case "several":
            numbers = row.kind.field == "birth_month"
            chosen = [one for one, _label in row.kind.choices() if one in row.chosen]
            return found | {"op": "in", "value": [int(one) if numbers else one for one in chosen]}
        case "words":
            return found | {"op": "in", "value": cast(JsonValue, row.value.split())}
        case "dates":
            return found | _period(row.dates)
        case _:
            return found | _number(row) | (_when(row) if row.kind.shape == "period" else {})


def _number(row: Row) -> Stored:
    if row.op == Op.BETWEEN:
        return {"op": row.op, "value": [_read(row.kind, row.value), _read(row.kind, row.upper)]}
    return {"op": row.op, "value": _read(row.kind, row.value)}


def _when(row: Row) -> Stored:
    if row.period == "days":
        return {"days": _read(KINDS["registered_days"], row.days)}
    return _period(row.dates) if row.period == "dates" else {}


def _period(text: str) -> Stored:
    parts = [part.strip() for part in text.split("至")]
    if not parts[0]:
        raise ValueError("请选择日期")
    try:
        return {"from": day(parts[0]).isoformat(), "to": day(parts[-1]).isoformat()}
    except ValueError:
        raise ValueError("日期应写作 2026-11-01 至 2026-11-30") from None


def _read(kind: Kind, text: str) -> int:
    said = text.strip()
    if kind.unit == "元":
        return parse_yuan(said)
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise ValueError("请输入整数")
    return int(said)


def _row(number: str, condition: Stored) -> Row:
    kind = KINDS[str(condition["field"])]
    op, value = str(condition.get("op")), condition.get("value")
    fits_number = kind.shape in ("number", "period") and op in OPS
    if kind.shape == "flag":
        return Row(number, kind, value="yes" if value is True else "no")
    if kind.shape == "several" and op in ("in", "="):
        return Row(number, kind, chosen=frozenset(str(one) for one in _as_list(value)))
    if kind.shape == "words":
        return Row(number, kind, value=" ".join(str(one) for one in _as_list(value)))
    if kind.shape == "dates" and condition.get("from") and condition.get("to"):
        return Row(number, kind, dates=_dates(condition))
    if not fits_number or bool(condition.get("from")) is not bool(condition.get("to")):
        return Row(number, kind, kept=json.dumps(condition), words=in_words(condition))
    lower, *upper = [_shown(kind, one) for one in _as_list(value)]
    by_days, by_dates = condition.get("days") is not None, bool(condition.get("from"))
    return Row(
        number,
        kind,
        op=op,
        value=lower,
        upper=upper[0] if upper else "",
        period="days" if by_days else "dates" if by_dates else "ever",
        days=str(condition["days"]) if by_days else "",
        dates=_dates(condition) if by_dates else "",
    )


def _dates(condition: Stored) -> str:
    first, last = condition.get("from"), condition.get("to")
    return f"{first or ''} 至 {last or ''}".strip() if first or last else ""


def _compared(op: str, numbers: Sequence[str]) -> str:
    if op == Op.BETWEEN:
        return f"{numbers[0]}～{numbers[1]}"
    return f"{OPS.get(op, '是')} {'、'.join(numbers)}"


def _shown(kind: Kind, value: JsonValue) -> str:
    return yuan(value) if kind.unit == "元" and isinstance(value, int) else str(value)


def _as_list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [value]


def _is_object(text: str) -> bool:
    try:
        read = json.loads(text)
    except ValueError:
        return False
    return isinstance(read, dict) and read.get("field") in KINDS
