"""A customer's phone and a store's till, over HTTP to the real web server."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import requests

from tests.faults.deployment import MINI, OA, Deployment
from tests.miniprogram_api.pos.till import header

TILL_KEY, TILL_SECRET = "k01", "p01"


@dataclass(frozen=True)
class Guest:
    """Somebody logged in at the mini-program."""

    url: str
    person: str
    token: str

    @classmethod
    def follows(cls, deployment: Deployment, nickname: str) -> "Guest":
        """A new person follows the official account, then opens the mini-program."""
        person = _sim(deployment, "people", nickname=nickname)["id"]
        _sim(deployment, "follow", person=person, app_id=OA)
        return cls.enters(deployment, person)

    @classmethod
    def enters(cls, deployment: Deployment, person: str) -> "Guest":
        code = _sim(deployment, "codes", person=person, app_id=MINI)["code"]
        answer = requests.post(
            f"{deployment.url}/api/v1/login", json={"app_id": MINI, "code": code}, timeout=30
        )
        assert answer.status_code == 200, answer.text
        return cls(deployment.url, person, answer.json()["token"])

    def numbers(self) -> list[str]:
        """Of the coupons in the card pack."""
        answer = requests.get(
            f"{self.url}/api/v1/me/coupons",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )
        return [str(coupon["number"]) for coupon in answer.json()["items"]]


def redeem(deployment: Deployment, number: str, *, key: str | None = None) -> requests.Response:
    """核销 at the till; ``key`` is its Idempotency-Key."""
    return said_by_till(deployment.url, "/pos/v1/coupons/redeem", {"scan": number}, key=key)


def said_by_till(
    url: str,
    path: str,
    body: Mapping[str, object],
    *,
    key: str | None = None,
    line: requests.Session | None = None,
    timeout: float = 30,
) -> requests.Response:
    """A signed POST; ``line`` is the connection that the till keeps."""
    said = json.dumps(body).encode()
    timestamp, nonce = str(int(time.time())), uuid.uuid4().hex
    text = f"POST\n{path}\n{timestamp}\n{nonce}\n".encode() + said + b"\n"
    signed = header(TILL_KEY, TILL_SECRET, text=text, timestamp=timestamp, nonce=nonce)
    headers = {"Authorization": signed, "Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    ask = requests.post if line is None else line.post
    return ask(url + path, data=said, headers=headers, timeout=timeout)


def _sim(deployment: Deployment, deed: str, **body: str) -> dict[str, str]:
    answer = requests.post(f"{deployment.wechat_url}/_sim/{deed}", json=body, timeout=30)
    assert answer.ok, answer.text
    told: dict[str, str] = answer.json()
    return told
