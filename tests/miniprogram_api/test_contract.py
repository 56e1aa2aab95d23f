"""Every failure has the one shape, whatever went wrong (spec/08)."""

import pytest
from flask.testing import FlaskClient
from pydantic import JsonValue

from tests.builders import a_shop
from tests.miniprogram_api.pos.till import a_dish, till_of


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "NOT_FOUND"),
        ("GET", "/api/v1/claims/%00", 404, "NOT_FOUND"),
        ("GET", "/api/v1/bills/a%00b", 404, "NOT_FOUND"),
        ("GET", "/pos/v1/bills/%00/receipt", 404, "NOT_FOUND"),
        ("GET", "/wechat/%00/callback", 404, "NOT_FOUND"),
        ("GET", "/api/v1/points?cursor=%00", 400, "PARAM_ERROR"),
        ("GET", "/api/v1/login", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/v1/me", 401, "UNAUTHENTICATED"),
        ("POST", "/pos/v1/quotes", 401, "SIGNATURE_INVALID"),
    ],
)
def test_a_failure_has_the_one_shape(
    http: FlaskClient, method: str, path: str, status: int, code: str
) -> None:
    answer = http.open(path, method=method)
    told = answer.get_json()
    assert (answer.status_code, told["code"]) == (status, code)
    assert set(told) == {"code", "message", "detail", "request_id"}
    assert told["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", ["/h5/claims/%00", "/h5/bills/a%00b"])
def test_a_page_has_no_name_with_a_nul(http: FlaskClient, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_a_wrong_method_is_told_the_right_ones(http: FlaskClient) -> None:
    assert set(http.get("/api/v1/login").allow) == {"POST", "OPTIONS"}


def test_a_word_that_is_none_of_a_few_is_told_which(http: FlaskClient) -> None:
    wrong = {
        "settled_at": "2026-11-23T12:00:00+08:00",
        "lines": [a_dish()],
        "tenders": [{"method": "gold"}],
    }
    answer = till_of(http, a_shop()).post("/bills/B1/settle", wrong)
    (error,) = answer.get_json()["detail"]["errors"]
    assert error == {
        "field": "tenders.0.method",
        "message": "只能是 coupon、cash、wechat、card、balance、points",
    }


@pytest.mark.parametrize(
    "said", ["1795306603", 1795306603, "2026-11-23", "2026-11-23T12:00:00", None]
)
def test_a_time_is_written_out_with_its_offset(http: FlaskClient, said: JsonValue) -> None:
    body = {"settled_at": said, "lines": [a_dish()], "tenders": []}
    answer = till_of(http, a_shop()).post("/bills/B1/settle", body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.get_json()["detail"]["errors"]] == ["settled_at"]
