"""The product and WeChat as seen from outside: the shop, its till, its mall, people with phones."""

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from ruamel.yaml import YAML

SHANGHAI = ZoneInfo("Asia/Shanghai")
SETUP = Path(__file__).parent.parent / "demo" / "setup.yaml"
PATIENCE = 60.0


class NotRight(Exception):
    """A step saw something else than it should have."""


@dataclass
class Shop:
    """What the tour knows of the demo merchant: its set-up file."""

    code: str
    mini: str
    oa: str
    store: str
    till: tuple[str, str]
    mall: tuple[str, str]

    @classmethod
    def read(cls) -> "Shop":
        merchant = YAML(typ="safe", pure=True).load(SETUP)["merchants"][0]
        apps = {app["kind"]: app["app_id"] for app in merchant["wechat"]}
        store = merchant["stores"][0]
        return cls(
            code=merchant["code"],
            mini=apps["miniprogram"],
            oa=apps["official_account"],
            store=store["code"],
            till=(store["pos"]["key"], store["pos"]["secret"]),
            mall=(store["mall"]["id"], store["mall"]["secret"]),
        )


class World:
    """The product and WeChat, as seen from outside."""

    def __init__(self, product: str, wechat: str) -> None:
        self.product = product
        self.wechat = wechat
        self.shop = Shop.read()

    def sim(self, method: str, path: str, **body: object) -> dict[str, Any]:
        """Move the world behind WeChat."""
        answer = requests.request(method, f"{self.wechat}/_sim{path}", json=body, timeout=30)
        answer.raise_for_status()
        return dict(answer.json())

    def flask(self, *words: str) -> list[dict[str, Any]]:
        """A command of the product; its JSON lines."""
        command = [str(Path(sys.executable).with_name("flask")), "--app", "wsgi", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotRight(f"flask {' '.join(words)}: {done.stderr[-800:]} {done.stdout[-800:]}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def till(self, path: str, method: str = "POST", **body: object) -> dict[str, Any]:
        """A signed request of the shop's till."""
        return self._signed(self.shop.till, method, path, body)

    def mall(self, **event: object) -> dict[str, Any]:
        """What the mall reports, signed."""
        return self._signed(self.shop.mall, "POST", "/mall/v1/events", event)

    def now(self) -> datetime:
        """The business clock."""
        return datetime.fromisoformat(self.flask("clock", "show")[0]["now"]).astimezone(SHANGHAI)

    def _signed(
        self, key: tuple[str, str], method: str, path: str, body: dict[str, object]
    ) -> dict[str, Any]:
        raw = json.dumps(body, ensure_ascii=False).encode() if body else b""
        stamp, nonce = str(int(time.time())), secrets.token_hex(16)
        text = f"{method}\n{path}\n{stamp}\n{nonce}\n".encode() + raw + b"\n"
        mac = hmac.new(key[1].encode(), text, hashlib.sha256)
        signature = base64.b64encode(mac.digest()).decode()
        answer = requests.request(
            method,
            self.product + path,
            data=raw,
            headers={
                "Content-Type": "application/json",
                "Authorization": f'QB1-HMAC-SHA256 key="{key[0]}",timestamp="{stamp}",'
                f'nonce="{nonce}",signature="{signature}"',
            },
            timeout=30,
        )
        return good(answer)


class Person:
    """Somebody with a phone in the hand."""

    def __init__(self, world: World, nickname: str, phone: str) -> None:
        self.world = world
        self.phone = phone
        self.id = world.sim("POST", "/people", nickname=nickname, phone=phone)["id"]
        self.token = ""

    def follow(self) -> None:
        """Scan the store's code and follow."""
        shop = self.world.shop
        scene = f"s:{shop.code}:{shop.store}"
        self.world.sim("POST", "/follow", person=self.id, app_id=shop.oa, scene=scene)

    def log_in(self) -> list[dict[str, Any]]:
        """Open the mini-program; the coupons this login collected."""
        code = self._code("login")
        answer = self.call("POST", "/api/v1/login", app_id=self.world.shop.mini, code=code)
        self.token = answer["token"]
        return list(answer["claimed"])

    def give_phone(self) -> None:
        """Tap 授权手机号."""
        self.call("POST", "/api/v1/phone", code=self._code("phone"))

    def coupons(self, state: str = "usable") -> list[dict[str, Any]]:
        """The card pack."""
        return list(self.call("GET", f"/api/v1/me/coupons?state={state}")["items"])

    def messages_about(self, title: str) -> list[dict[str, Any]]:
        """What arrived on the phone and names this coupon."""
        arrived = self.world.sim("GET", f"/deliveries?person={self.id}")["items"]
        return [message for message in arrived if title in message["data"].values()]

    def call(self, method: str, path: str, **body: object) -> dict[str, Any]:
        """A request of this person's mini-program."""
        answer = requests.request(
            method,
            self.world.product + path,
            json=body or None,
            headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
            timeout=30,
        )
        return good(answer)

    def _code(self, purpose: str) -> str:
        app_id = self.world.shop.mini
        made = self.world.sim("POST", "/codes", person=self.id, app_id=app_id, purpose=purpose)
        return str(made["code"])


def wait(what: str, look: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What ``look`` sees, once it sees something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(1)
    raise NotRight(f"{what}: nothing within {PATIENCE:.0f} s")


def refused(call: Callable[[], object], code: str) -> None:
    """The call must be refused so."""
    try:
        seen = call()
    except NotRight as refusal:
        check(code in str(refusal), f"refused as {code}", refusal)
        return
    raise NotRight(f"{code} expected, saw {seen}")


def check(right: bool, what: str, seen: object) -> None:
    """Go on only if it is right."""
    if not right:
        raise NotRight(f"{what}: saw {seen}")


def good(answer: requests.Response) -> dict[str, Any]:
    """The answer of a call that was taken."""
    if not answer.ok:
        raise NotRight(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}")
    return dict(answer.json())


def see(step: str, words: str) -> None:
    """Tell what was seen."""
    print(f"✓ {step:<8} {words}", flush=True)
