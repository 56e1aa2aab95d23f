"""填写有误: what pydantic found wrong, as fields with Chinese words."""

import re
from collections.abc import Iterator

from pydantic import ValidationError

from backend.errors import FieldError

_WORDS = {
    "missing": "必填",
    "extra_forbidden": "没有这一项",
    "string_type": "应为文字",
    "int_type": "应为整数",
    "int_from_float": "应为整数",
    "bool_type": "应为 true 或 false",
    "list_type": "应为列表",
    "tuple_type": "应为列表",
    "dict_type": "应为对象",
    "model_type": "应为对象",
    "json_invalid": "不是有效的 JSON",
    "model_attributes_type": "应为对象",
    "datetime_from_date_parsing": "应为带时区的时间",
    "datetime_parsing": "应为带时区的时间",
    "datetime_type": "应为带时区的时间",
    "timezone_aware": "时间须带时区",
    "date_type": "应为日期，例：2026-11-23",
    "date_from_datetime_parsing": "应为日期，例：2026-11-23",
    "string_too_long": "太长，最多{max_length}个字",
    "string_too_short": "不能为空",
    "greater_than_equal": "不能小于{ge}",
    "less_than_equal": "不能大于{le}",
    "greater_than": "应大于{gt}",
    "less_than": "应小于{lt}",
    "too_long": "最多{max_length}项",
    "too_short": "至少{min_length}项",
    "literal_error": "只能是 {expected}",
    "enum": "只能是 {expected}",
    "union_tag_invalid": "种类不认识",
    "union_tag_not_found": "缺少种类",
}


def field_errors(
    error: ValidationError, *, below: str = "", said: object = None
) -> list[FieldError]:
    """Every wrong field by its path (``rule.value_fen``) and what is wrong with it.

    With what was ``said``, paths hold only what stands there: pydantic's own steps, tags of a
    union, are left out.
    """
    return [
        FieldError(
            field=".".join(filter(None, (below, *_steps(found["loc"], found["type"], said)))),
            message=_words(found["type"], dict(found.get("ctx", {}))),
        )
        for found in error.errors()
    ]


def _steps(loc: tuple[int | str, ...], kind: str, said: object) -> Iterator[str]:
    if said is None:
        yield from map(str, loc)
        return
    for position, step in enumerate(loc):
        match said, step:
            case dict(), str() if step in said:
                said = said[step]
            case list() | tuple(), int() if step < len(said):
                said = said[step]
            case _ if position < len(loc) - 1 or kind != "missing":
                continue
        yield str(step)


def _words(kind: str, context: dict[str, object]) -> str:
    if kind == "value_error":
        return str(context.get("error", "填写有误"))
    if "expected" in context:
        context["expected"] = re.sub(r"', '|' or '", "、", str(context["expected"])).strip("'")
    try:
        return _WORDS.get(kind, "填写有误").format(**context)
    except (KeyError, IndexError):
        return "填写有误"
