"""The browser inside one person's WeChat: follows redirects, to WeChat and back, keeps cookies."""

import re
from urllib.parse import urlsplit

import requests
from flask import Flask
from werkzeug.test import TestResponse

from scripts.wechat_platform.people import Person
from scripts.wechat_platform.server import Platform

WECHAT = "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 MicroMessenger/8.0.50"


class WechatBrowser:
    """``visits("/h5/claims/…")`` and ``presses()`` as the person would."""

    def __init__(self, app: Flask, wechat: Platform, person: Person, agent: str = WECHAT) -> None:
        self.http = app.test_client()
        self.wechat, self.person, self.agent = wechat, person, agent
        self.asked: list[str] = []

    def visits(self, address: str) -> TestResponse:
        """The page, with whatever redirects lead to it."""
        return self._follow(self._send("GET", address))

    def presses(self, page: TestResponse, **fields: str) -> TestResponse:
        """The page's form, sent as it stands."""
        token = re.search(r'name="token" value="([0-9a-f]+)"', page.get_data(as_text=True))
        form = {"token": token.group(1) if token else "", **fields}
        return self._follow(self._send("POST", page.request.path, form))

    def _send(self, method: str, address: str, form: dict[str, str] | None = None) -> TestResponse:
        parts = urlsplit(address)
        return self.http.open(
            parts.path,
            method=method,
            query_string=parts.query,
            data=form,
            headers={"User-Agent": self.agent},
        )

    def _follow(self, answer: TestResponse) -> TestResponse:
        for _ in range(8):
            if answer.status_code not in (302, 303):
                return answer
            where = answer.headers["Location"]
            if where.startswith(self.wechat.url):
                self.asked.append(where)
                asking = where.split("#")[0] + f"&_person={self.person.id}"
                where = requests.get(asking, allow_redirects=False, timeout=5).headers["Location"]
            answer = self._send("GET", where)
        raise AssertionError("redirected for ever")
