"""A platform whose pushes land in a recorder, with one official account and one mini-program."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import requests

from scripts.wechat_platform.server import Platform, start_platform

AES_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
TEMPLATE_SEND = "/cgi-bin/message/template/send"
SUBSCRIBE_SEND = "/cgi-bin/message/subscribe/send"
CUSTOM_SEND = "/cgi-bin/message/custom/send"


@dataclass(frozen=True)
class Arrived:
    url: str
    query: dict[str, str]
    body: bytes
    content_type: str


@dataclass
class Product:
    """The other side: remembers every push, answers what it is told to."""

    arrived: list[Arrived] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)

    def deliver(
        self, url: str, query: dict[str, str], body: bytes, content_type: str
    ) -> tuple[int, bytes]:
        self.arrived.append(Arrived(url, query, body, content_type))
        return self.answers.pop(0) if self.answers else (200, b"success")


class Caller:
    """Calls the platform's API the way a product would."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def get(self, path: str, **query: str) -> dict[str, object]:
        answer: dict[str, object] = self.raw("GET", path, query).json()
        return answer

    def post(self, path: str, app_id: str | None = None, /, **body: object) -> dict[str, object]:
        query = {"access_token": self.token(app_id)} if app_id else {}
        answer = requests.post(self._platform.url + path, params=query, json=body, timeout=10)
        assert answer.status_code == 200
        decoded: dict[str, object] = answer.json()
        return decoded

    def raw(self, method: str, path: str, query: dict[str, str]) -> requests.Response:
        return requests.request(method, self._platform.url + path, params=query, timeout=10)

    def token(self, app_id: str) -> str:
        answer = self.post(
            "/cgi-bin/stable_token",
            grant_type="client_credential",
            appid=app_id,
            secret=f"{app_id}-secret",
        )
        return str(answer["access_token"])


@pytest.fixture
def product() -> Product:
    return Product()


@pytest.fixture
def platform(product: Product) -> Iterator[Platform]:
    platform = start_platform(deliver=product.deliver)
    platform.account("wxoa", "official_account", "wxoa-secret", token="t-oa", name="星火火锅")
    platform.account("wxmini", "miniprogram", "wxmini-secret", token="t-mini", pages=["pages/a"])
    yield platform
    platform.stop()


@pytest.fixture
def call(platform: Platform) -> Caller:
    return Caller(platform)
