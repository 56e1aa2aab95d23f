"""What every answer says to browsers, and secrets that are said in any letters (R-24)."""

import re
from pathlib import Path

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from backend.settings import Settings
from tests.admin.desk import at_desk
from tests.builders import a_shop
from wsgi import create_app

NOT_ASCII = ["Bearer é钥".encode().decode("latin-1"), 'QB1-HMAC-SHA256 key="\xe9"', "\xff"]

PAGES = ("/docs", "/admin/login", "/h5/bills/x", "/demo/pos/", "/openapi.json", "/healthz", "/x")


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_says_what_a_browser_may_do(http: FlaskClient, path: str) -> None:
    headers = http.get(path).headers
    policy = headers["Content-Security-Policy"]
    for said in ("default-src 'none'", "form-action", "frame-ancestors 'none'", "base-uri 'none'"):
        assert said in policy
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"].upper() == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in headers


def test_the_page_of_the_contract_may_use_its_own_style(http: FlaskClient) -> None:
    page = http.get("/docs")
    assert re.search(r"style-src 'sha256-[\w+/=]+'", page.headers["Content-Security-Policy"])
    assert " style=" not in page.get_data(as_text=True)


def test_over_https_browsers_are_told_to_stay_there(
    tmp_path: Path, redis_url: str, wechat: object
) -> None:
    settings = Settings(
        environment="test",
        data_dir=tmp_path,
        redis_url=redis_url,
        secret_key="test-secret-key-0123456789abcdefgh",
        encryption_key="test-encryption-key-0123456789abc",
        public_url="https://quan.example.com",
        metrics_token="secret",
    )
    client = create_app(settings).test_client()
    for path in ("/healthz", "/admin/login", "/docs"):
        told = client.get(path).headers["Strict-Transport-Security"]
        assert told == "max-age=31536000"
    for said in NOT_ASCII:
        assert client.get("/metrics", headers={"Authorization": said}).status_code == 403


@pytest.mark.parametrize("said", NOT_ASCII)
def test_a_secret_in_other_letters_is_a_wrong_one(app: Flask, http: FlaskClient, said: str) -> None:
    shop, headers = a_shop(), {"Authorization": said}
    assert http.get("/api/v1/me", headers=headers).status_code == 401
    assert http.get("/api/v1/verifier/redemptions", headers=headers).status_code == 401
    assert http.post("/pos/v1/quotes", headers=headers).status_code == 401
    assert http.post("/mall/v1/events", headers=headers).status_code == 401
    signed = {f"Wechatpay-{name}": said for name in ("Signature", "Serial", "Nonce", "Timestamp")}
    assert http.post("/wechat/pay/notify", data=b"{}", headers=signed).status_code == 401
    query = {"signature": said, "timestamp": said, "nonce": said, "echostr": said}
    assert http.get(f"/wechat/{shop.oa}/callback", query_string=query).status_code in (401, 403)
    http.set_cookie("qb-h5-state", said.encode("unicode_escape").decode())
    visitor = at_desk(app, shop)
    visitor.browser.set_cookie("desk", "\\351")
    assert visitor.open("/admin/").status_code == 302


@pytest.mark.parametrize(("proxies", "seen"), [(0, "127.0.0.1"), (1, "203.0.113.7")])
def test_behind_a_trusted_proxy_the_address_is_the_callers(
    tmp_path: Path, redis_url: str, proxies: int, seen: str
) -> None:
    """What stands left of it in the header anybody may have written."""
    settings = Settings(
        environment="test", data_dir=tmp_path, redis_url=redis_url, trusted_proxies=proxies
    )
    app = create_app(settings)
    addresses: list[str | None] = []
    app.before_request(lambda: addresses.append(request.remote_addr))
    told = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
    assert app.test_client().get("/healthz", headers=told).status_code == 200
    assert addresses == [seen]
