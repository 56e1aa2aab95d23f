"""读取设置文件: YAML 1.2 (JSON too) into the file's schema; what is wrong is named by its path."""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

if TYPE_CHECKING:
    from ruamel.yaml.nodes import ScalarNode

from backend.setup.problems import Problem, SetupRefused
from backend.setup.schema import SetupFile
from backend.wrong_fields import field_errors


def read(text: str) -> SetupFile:
    """设置文件. The whole file, strictly: unknown keys, a number for a word, a word for a number
    are refused; ``on`` is a word, ``10:00`` and ``2026-01-01`` are too."""
    content = _content(text)
    try:
        return SetupFile.model_validate_json(json.dumps(content))
    except ValidationError as error:
        wrong = field_errors(error, said=content)
        raise SetupRefused([Problem(found["field"], found["message"]) for found in wrong]) from None


def _content(text: str) -> Mapping[str, JsonValue]:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Words
    try:
        content = yaml.load(text)
        json.dumps(content, allow_nan=False)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"第{mark.line + 1}行" if mark else "文件"
        raise SetupRefused([Problem(where, _cause(str(error.problem)))]) from None
    except (YAMLError, ValueError, TypeError, RecursionError) as error:
        raise SetupRefused([Problem("文件", f"不是有效的 YAML：{error}")]) from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise SetupRefused([Problem("文件", "文件应由 operator、merchants 等键组成")])
    return content


def _cause(problem: str) -> str:
    """What the parser found, with its cure; in the parser's own words where it is rare."""
    for found, said in _CAUSES.items():
        if match := re.search(found, problem):
            return match.expand(said)
    return f"不是有效的 YAML：{problem}"


_CAUSES = {
    r"character '\\t'": "这里有制表符（Tab），YAML 不认；请改成空格",
    r"character '(.)' that cannot start": r"以 \1 开头的内容要放在引号里",
    r"undefined alias '(.*)'": r"以 * 开头的内容要放在引号里：'*\1'",
    r"duplicate key \"(.*?)\"": r"\1 写了两遍，请只留一个",
    r"mapping values are not allowed": "这里多了一个冒号；请检查缩进，带冒号的内容要放在引号里",
    r"expected <block end>|could not find expected ':'": "缩进没对齐，或少了冒号；同层的行缩进一样",
    r"end of stream|stream end": "到文件末尾还有引号或括号没有关上",
}


class _Words(SafeConstructor):
    """Dates and times stay the words that were written; the schema reads them."""


def _as_written(_constructor: SafeConstructor, node: "ScalarNode") -> str:
    return str(node.value)


_Words.add_constructor("tag:yaml.org,2002:timestamp", _as_written)
