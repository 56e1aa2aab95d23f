"""导出: a list as a typed spreadsheet, or as CSV that Excel opens.

Amounts are numbers, times real dates, codes and phones text. Text that a spreadsheet would run as
a formula stays text: quoted in xlsx, with an apostrophe before it in CSV.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from flask import Response, send_file

from admin.columns import Cell, Column

if TYPE_CHECKING:
    from openpyxl.cell import WriteOnlyCell

MOST_ROWS = 5000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMULA = re.compile(r"[\s\u200b\ufeff]*[=+\-@＝＋－＠\t\r]")
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def xlsx(columns: Sequence[Column], rows: Iterable[object], *, name: str) -> Response:
    """A workbook with a frozen header, typed cells and a Chinese file name."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet("数据")
    sheet.freeze_panes = "A2"
    header = [WriteOnlyCell(sheet, column.label) for column in columns]
    for place, cell in enumerate(header):
        cell.font = Font(bold=True)
        cell.alignment = Alignment(horizontal="center")
        sheet.column_dimensions[chr(ord("A") + place)].width = 20
    sheet.append(header)
    for row in rows:
        sheet.append([_cell(sheet, column, column.cell(row)) for column in columns])
    stream = io.BytesIO()
    book.save(stream)
    stream.seek(0)
    return send_file(stream, mimetype=XLSX, as_attachment=True, download_name=f"{name}.xlsx")


def comma_separated(columns: Sequence[Column], rows: Iterable[object], *, name: str) -> Response:
    """CSV with a byte order mark, so that Excel on Windows reads the Chinese."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.label for column in columns])
    for row in rows:
        writer.writerow([_defused(column.cell(row)) for column in columns])
    stream = io.BytesIO(text.getvalue().encode("utf-8-sig"))
    return send_file(stream, mimetype="text/csv", as_attachment=True, download_name=f"{name}.csv")


def _cell(sheet: object, column: Column, value: Cell) -> "WriteOnlyCell":
    from openpyxl.cell import WriteOnlyCell

    if isinstance(value, str):
        value = _UNWRITABLE.sub("", value)
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.number_format = "@"
        if _FORMULA.match(value):
            cell.style = "Normal"
            cell.number_format = "@"
            cell.quotePrefix = True
    elif isinstance(value, datetime):
        cell.number_format = "yyyy-mm-dd hh:mm"
    elif isinstance(value, date):
        cell.number_format = "yyyy-mm-dd"
    elif isinstance(value, float):
        cell.number_format = "¥#,##0.00"
    return cell


def _defused(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:.2f}"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and _FORMULA.match(text) else text
