"""Text that no database of ours can hold is refused at the door, at whichever.

U+0000 is none of PostgreSQL's characters, half a surrogate pair is none at all, and bytes that are
not UTF-8 are no text. JSON bodies are read strictly elsewhere (``contract.read``).
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from flask import Flask, abort, request
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder

from backend.errors import FieldError, ParamError

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_NUL_IN_JSON = re.compile(rb"\0|(?<!\\)(?:\\\\)*\\u0000")


class UnreadableText(ParamError):
    """空字符, or what is no text; the cure is to write it anew."""

    message = "内容里有不能识别的字符，请删去后重新输入"

    def __init__(self, field: str) -> None:
        named = _UNWRITABLE.sub("?", field)[:64]
        super().__init__(errors=[FieldError(field=named, message="不能包含空字符或无法识别的字符")])


def refuse_unreadable(app: Flask, *, json_below: tuple[str, ...]) -> None:
    """Every request of ``app``, before anybody reads it. Only pages read forms."""

    def refuse() -> None:
        path = str(request.environ.get("PATH_INFO", "")).encode("latin-1", "replace")
        if "\0" in request.path or not _is_text(path):
            abort(404)
        _refuse(request.headers.items())
        _refuse(request.cookies.items(multi=True))
        _refuse_quoted(request.query_string)
        if request.url_rule is not None and not request.path.startswith(json_below):
            _refuse_form()

    app.before_request(refuse)


def refuse_unreadable_json(raw: bytes) -> None:
    """U+0000 in a value or a name, as itself or written out; ill-formed UTF-8 is no JSON."""
    if _NUL_IN_JSON.search(raw):
        raise UnreadableText("")


def _refuse_form() -> None:
    raw = request.get_data()  # kept, for views that read the bytes themselves
    if request.is_json:
        refuse_unreadable_json(raw)
    elif request.mimetype == "application/x-www-form-urlencoded":
        _refuse_quoted(raw)
    elif request.mimetype == "multipart/form-data":
        _refuse_parts(raw)
    _refuse(request.form.items(multi=True))
    _refuse((name, file.filename or "") for name, file in request.files.items(multi=True))


def _refuse_quoted(raw: bytes) -> None:
    """``name=value&…``, quoted by per cent; the parser would leave what it cannot read as it is."""
    plain = unquote_to_bytes(raw)
    if b"\0" in plain or not _is_text(plain):
        raise UnreadableText("")


def _refuse_parts(raw: bytes) -> None:
    """Fields and files; the parser would write U+FFFD in the place of what it cannot read, and
    leave a body out altogether whose names are no text."""
    boundary = request.mimetype_params.get("boundary", "").encode("ascii", "replace")
    parts = MultipartDecoder(boundary, max_parts=request.max_form_parts)
    parts.receive_data(raw)
    parts.receive_data(None)
    part: Field | File | None = None
    try:
        while not isinstance(event := parts.next_event(), Epilogue):
            if isinstance(event, Field | File):
                part = event
                named = f"{part.name}{part.filename if isinstance(part, File) else ''}"
                if "\ufffd" in named:
                    raise UnreadableText(part.name)
            elif isinstance(event, Data) and isinstance(part, Field) and not _is_text(event.data):
                raise UnreadableText(part.name)
    except ValueError as ill_formed:
        raise UnreadableText("") from ill_formed


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _refuse(said: Iterable[tuple[str, str]]) -> None:
    for name, value in said:
        if _UNWRITABLE.search(name) or _UNWRITABLE.search(value):
            raise UnreadableText(name)
