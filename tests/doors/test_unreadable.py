"""U+0000, half a surrogate pair and what is not UTF-8 are refused at every door, in its words."""

import io
from urllib.parse import unquote_to_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.admin.desk import Visitor, at_desk
from tests.builders import a_shop
from tests.miniprogram_api.pos.till import TillClient, a_dish, till_of

UNREADABLE = [b"a%00b", b"%ED%A0%80", b"%FF%FE"]
"""In a form or a query: NUL, a surrogate, no UTF-8."""


def desk_forms(app: Flask) -> list[str]:
    """Every address of the desk that takes a form."""
    found = []
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            if rule.rule.startswith("/admin") and "POST" in (rule.methods or ()):
                parts = dict.fromkeys(rule.arguments, 1)
                found.append(adapter.build(rule.endpoint, parts, method="POST"))
    assert len(found) > 60
    return sorted(set(found))


@pytest.mark.parametrize("said", UNREADABLE)
def test_every_form_of_the_desk_refuses_it_on_a_page(app: Flask, said: bytes) -> None:
    visitor = at_desk(app, a_shop())
    visitor.open("/admin/merchants")
    token = visitor.token.encode()
    for path in desk_forms(app):
        for form in (b"name=" + said, b"na" + said + b"=1", b"id=1&login=" + said):
            answer = visitor.browser.post(
                path,
                data=b"csrf_token=" + token + b"&" + form,
                content_type="application/x-www-form-urlencoded",
            )
            assert answer.status_code == 400, path
            assert "不能识别的字符" in answer.get_data(as_text=True), path


def test_the_login_refuses_it_before_anybody_is_known(app: Flask) -> None:
    stranger = Visitor(app)
    stranger.open("/admin/login")
    for form in ({"login": "bo\0ss"}, {"login": "boss", "password": "\0"}):
        answer = stranger.send("/admin/login", **form)
        assert answer.status_code == 400
        assert "不能识别的字符" in answer.get_data(as_text=True)


def test_a_file_and_the_fields_beside_it(app: Flask) -> None:
    visitor = at_desk(app, a_shop())
    visitor.open("/admin/profile/")
    for form in (
        {"logo": (io.BytesIO(b"x"), "lo\0go.png")},
        {"logo": (io.BytesIO(b"x"), "logo.png"), "name": "a\0b"},
        {"lo\0go": (io.BytesIO(b"x"), "logo.png")},
    ):
        answer = visitor.browser.post(
            "/admin/profile/",
            data={"csrf_token": visitor.token, **form},
            content_type="multipart/form-data",
        )
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "part",
    [
        b'name="name"\r\n\r\n\xff\xfe',
        b'name="name"\r\n\r\n\xed\xa0\x80',
        b'name="name"\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe9',
        b'name="na\xffme"\r\n\r\nx',
        b'name="logo"; filename="lo\xffgo.png"\r\n\r\nx',
        b"name=\"logo\"; filename*=utf-8''lo%FFgo.png\r\n\r\nx",
        b"name*=utf-8''na%FFme\r\n\r\nx",
    ],
)
def test_a_part_that_is_no_text_does_not_become_a_question_mark(app: Flask, part: bytes) -> None:
    visitor = at_desk(app, a_shop())
    visitor.open("/admin/profile/")
    token = b'name="csrf_token"\r\n\r\n' + visitor.token.encode()
    for parts in ([token, part], [part, token]):
        answer = _send_parts(visitor, parts)
        assert answer.status_code == 400
        assert "不能识别的字符" in answer.get_data(as_text=True)


def test_a_file_may_hold_any_bytes_and_a_field_any_letters(app: Flask) -> None:
    """U+FFFD itself is a letter, where a field holds it in UTF-8."""
    visitor = at_desk(app, a_shop())
    visitor.open("/admin/profile/")
    token = b'name="csrf_token"\r\n\r\n' + visitor.token.encode()
    for part in (
        b'name="logo"; filename="\xe5\xba\x97\xe6\xa0\x87.png"\r\n\r\n\xff\xfe\0',
        'name="name"\r\n\r\n星火\ufffd😀'.encode(),
        b'name="name"\r\n\r\n',
    ):
        answer = _send_parts(visitor, [token, part])
        assert "不能识别的字符" not in answer.get_data(as_text=True)


def _send_parts(visitor: Visitor, parts: list[bytes]) -> TestResponse:
    body = b"".join(b"--x\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts)
    return visitor.browser.post(
        "/admin/profile/", data=body + b"--x--\r\n", content_type="multipart/form-data; boundary=x"
    )


@pytest.mark.parametrize(
    "body",
    [
        '{"lines": [], "bill": "a\\u0000b"}',
        '{"lines": [], "no\\u0000body": 1}',
        '{"lines": [], "bill": "\\ud800"}',
        '{"lines": [], "\\udfff": 1}',
        b'{"lines": [], "bill": "\xff\xfe"}',
        b'{"lines": [], "bill": "a\x00b"}',
    ],
)
def test_json_in_values_and_names(http: FlaskClient, body: str | bytes) -> None:
    raw = body.encode() if isinstance(body, str) else body
    answer = till_of(http, a_shop()).send("POST", "/pos/v1/quotes", raw)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "PARAM_ERROR")


def test_a_backslash_before_it_is_only_a_backslash(http: FlaskClient) -> None:
    till = till_of(http, a_shop())
    assert _put(till, '"dish": "D\\\\u0000"').status_code == 200


def _put(till: TillClient, dish: str) -> "object":
    import json

    line = json.dumps(a_dish()).replace('"dish": "D001"', dish)
    return till.send("POST", "/pos/v1/quotes", f'{{"lines": [{line}]}}'.encode())


@pytest.mark.parametrize("said", UNREADABLE)
@pytest.mark.parametrize(
    "path", ["/api/v1/claims", "/pos/v1/bills", "/h5/claims", "/admin/coupons"]
)
def test_paths_and_queries(http: FlaskClient, path: str, said: bytes) -> None:
    raw = {"PATH_INFO": unquote_to_bytes(path.encode() + b"/" + said).decode("latin-1")}
    assert http.get(path, environ_overrides=raw).status_code in (302, 404)
    for query in (f"q={said.decode()}", f"{said.decode()}=1"):
        answer = http.get(path + "/x", query_string=query)
        assert answer.status_code == 400
        is_page = path.startswith(("/h5", "/admin"))
        assert answer.mimetype == ("text/html" if is_page else "application/json")


@pytest.mark.parametrize("header", ["X-Request-Id", "Authorization", "User-Agent", "X-Whatever"])
def test_headers_and_cookies(http: FlaskClient, header: str) -> None:
    there = {"HTTP_" + header.upper().replace("-", "_"): "a\0b"}
    assert http.get("/api/v1/me", environ_overrides=there).status_code == 400
    http.set_cookie("desk", "a\0b")
    assert http.get("/admin/").status_code == 400
