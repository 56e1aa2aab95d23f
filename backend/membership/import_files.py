"""导入文件: what stands in a CSV or a workbook, whatever wrote it, line by line under one header.

The header is read once, for checking and for reading. Chinese names are those that the desk's own
export writes; columns that it writes and settlement keeps are passed over.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from backend import spelling
from backend.errors import DomainError

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
REASON = "reason"
YUAN = "balance_yuan"
_NAMES = {name: name for name in COLUMNS} | {
    "手机号": "phone",
    "手机": "phone",
    "昵称": "nickname",
    "姓名": "nickname",
    "卡号": "card",
    "实体卡": "card",
    "等级": "level",
    "会员等级": "level",
    "积分": "points",
    "余额(分)": "balance_fen",
    "余额": YUAN,
    "余额(元)": YUAN,
    "性别": "gender",
    "生日": "birthday",
    "加入时间": "registered_at",
    "注册时间": "registered_at",
    "标签": "tags",
    "备注": "note",
}
_PASSED_OVER = {REASON, "原因", "分类", "公众号", "消费次数", "累计消费", "最近消费"}
_DIGITS_KEPT = 10**15
"""Excel keeps fifteen digits of a number."""
_QUOTED = re.compile(r"'(?=[\s\u200b\ufeff]*[=+\-@＝＋－＠\t\r])")

BATCH = 500

Cells = Mapping[str, str]


class ImportFileUnreadable(DomainError):
    code = "IMPORT_FILE_UNREADABLE"
    message = "导入文件无法读取：{why}"


@dataclass(frozen=True)
class Row:
    """One line as it stands (``said``, under the file's own header) and as it is meant."""

    number: int
    said: Sequence[str]
    cells: Cells
    overflows: bool


@dataclass(frozen=True)
class ImportFile:
    """``encoding``: how the rejected lines are written, so that the same program reads them."""

    header: Sequence[str]
    rows: Iterator[Row]
    encoding: str

    def batches(self) -> Iterator[list[Row]]:
        """The lines in the portions that are read, judged and stored together."""
        while batch := [*islice(self.rows, BATCH)]:
            yield batch


def open_file(file: Path) -> ImportFile:
    """CSV (UTF-8, UTF-16, GB18030; ``,`` ``;`` or tab) or xlsx; ImportFileUnreadable with how to
    save it. Blank lines and columns without a name are passed over."""
    raw = file.read_bytes()
    if raw.startswith(b"PK"):
        return _under_header(_sheet(file), "utf-8-sig")
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise ImportFileUnreadable(why="是旧版 Excel 的 .xls，请另存为 .xlsx")
    text, encoding = _text(raw)
    first = next((line for line in text.splitlines() if line.strip(",;\t ")), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first))
    return _under_header(_csv_rows(reader), encoding)


def _csv_rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        for row in reader:
            yield [_QUOTED.sub("", cell, count=1) if cell[:1] == "'" else cell for cell in row]
    except csv.Error as error:
        raise ImportFileUnreadable(why=f"不是 CSV（{error}）") from error


def _under_header(lines: Iterator[list[str]], encoding: str) -> ImportFile:
    numbered = ((n, line) for n, line in enumerate(lines, 1) if any(map(str.strip, line)))
    _n, header = next(numbered, (1, []))
    names = [spelling.compact(label).lower() for label in header]
    meant = [_NAMES.get(name, "") for name in names]
    unknown = [
        label.strip()
        for label, name in zip(header, names, strict=True)
        if name and name not in _NAMES and name not in _PASSED_OVER
    ]
    if unknown:
        raise ImportFileUnreadable(
            why=f"不认识的列 {'、'.join(unknown)}；可用的列：{'、'.join(COLUMNS)}"
        )
    if len({*filter(None, meant)}) < len([*filter(None, meant)]) or {YUAN, "balance_fen"} <= {
        *meant
    }:
        raise ImportFileUnreadable(why="有重复的列")
    if not {"phone", "card"} & set(meant):
        raise ImportFileUnreadable(why="表头须有 phone（手机号）或 card（卡号）")

    def rows() -> Iterator[Row]:
        for number, line in numbered:
            known = dict(zip(meant, line, strict=False))
            nameless = [cell for cell, name in zip(line, names, strict=False) if not name]
            over = any(cell.strip() for cell in [*line[len(names) :], *nameless])
            yield Row(number, line, known, over)

    return ImportFile(header, rows(), encoding)


def _text(raw: bytes) -> tuple[str, str]:
    """What the bytes say, and how rejected lines are written."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        spellings = [("utf-16", "utf-8-sig")]
    elif raw.startswith(codecs.BOM_UTF8):
        spellings = [("utf-8-sig", "utf-8-sig")]
    elif b"\0" in raw[:200]:
        little = raw[1:200:2].count(0) >= raw[0:200:2].count(0)
        spellings = [("utf-16-le" if little else "utf-16-be", "utf-8-sig")]
    else:
        spellings = [("utf-8", "utf-8"), ("gb18030", "utf-8-sig")]
    for encoding, answered in spellings:
        try:
            return raw.decode(encoding), answered
        except UnicodeDecodeError:
            continue
    raise ImportFileUnreadable(why="看不出编码，请在 Excel 中另存为“CSV UTF-8（逗号分隔）”或 .xlsx")


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _sheet(file: Path) -> Iterator[list[str]]:
    try:
        book = load_workbook(file, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise ImportFileUnreadable(why="不是能打开的 .xlsx 工作簿，请重新另存为 .xlsx") from error
    try:
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield [_cell(value) for value in row]
    finally:
        book.close()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value)
        case int() | float() if abs(value) >= _DIGITS_KEPT:
            return f"{value:.5E}"
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() == datetime.min.time():
            return value.date().isoformat()
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case date():
            return value.isoformat()
    return str(value)
