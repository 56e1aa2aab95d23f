"""The main job, played through HTTP against a running deployment, as its people would play it.

``python -m scripts.tour --base-url URL --wechat URL``; ``scripts/run.py --tour`` starts all of it
on a fresh folder first. Each step prints what was seen; the first that is not right ends it.
"""

import argparse
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
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import requests
from ruamel.yaml import YAML

SHANGHAI = ZoneInfo("Asia/Shanghai")
SETUP = Path(__file__).parent / "demo" / "setup.yaml"
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
    till_key: str
    till_secret: str

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
            till_key=store["pos"]["key"],
            till_secret=store["pos"]["secret"],
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

    def till(self, path: str, **body: object) -> dict[str, Any]:
        """A signed request of the shop's till."""
        raw = json.dumps(body, ensure_ascii=False).encode()
        stamp, nonce = str(int(time.time())), secrets.token_hex(16)
        lines = f"POST\n{urlsplit(self.product + path).path}\n{stamp}\n{nonce}\n".encode()
        mac = hmac.new(self.shop.till_secret.encode(), lines + raw + b"\n", hashlib.sha256)
        signature = base64.b64encode(mac.digest()).decode()
        answer = requests.post(
            self.product + path,
            data=raw,
            headers={
                "Content-Type": "application/json",
                "Authorization": f'QB1-HMAC-SHA256 key="{self.shop.till_key}",'
                f'timestamp="{stamp}",nonce="{nonce}",signature="{signature}"',
            },
            timeout=30,
        )
        return _good(answer)


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

    def allow_messages(self, template_id: str, times: int) -> None:
        """Tap 允许 in the subscription dialog."""
        results = {template_id: "accept"}
        for _ in range(times):
            self.world.sim(
                "POST", "/consents", person=self.id, app_id=self.world.shop.mini, results=results
            )

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
        return _good(answer)

    def _code(self, purpose: str) -> str:
        app_id = self.world.shop.mini
        made = self.world.sim("POST", "/codes", person=self.id, app_id=app_id, purpose=purpose)
        return str(made["code"])


def play(world: World) -> None:
    """Every step of the main job, in the order a shop sees it."""
    guest = Person(world, "王小勇", "13800001111")
    _follow_and_have_a_coupon(guest)
    _become_an_ordinary_customer(world, guest)
    _nine_o_clock(world, guest)
    _scan_and_redeem(world, guest)
    _coupons_that_waited(world, guest)
    world.flask("doctor")
    _see("对账", "doctor 没有发现问题")


def _follow_and_have_a_coupon(guest: Person) -> None:
    guest.log_in()
    guest.follow()
    coupon = _wait("the follow's coupon in the card pack", guest.coupons)[0]
    _see("关注即得券", f"{coupon['title']} {coupon['number']}")
    guest.give_phone()


def _become_an_ordinary_customer(world: World, guest: Person) -> None:
    found = world.till("/pos/v1/members/identify", phone=guest.phone)
    lines = [
        {"dish": "D100", "name": "鸳鸯锅", "category": "锅底", "quantity": 1, "price_fen": 28400}
    ]
    member = found["member"]["id"]
    quote = world.till("/pos/v1/quotes", member_id=member, lines=lines, service_fen=0)
    _check(quote["reduction_fen"] > 0, "the quote takes the coupon", quote)
    _see("批价", f"原价 {quote['total_fen']} 分，优惠 {quote['reduction_fen']} 分")
    now = _business_time(world)
    settled = world.till(
        f"/pos/v1/bills/T{secrets.token_hex(4)}/settle",
        table="A1",
        guests=2,
        cashier="小李",
        opened_at=now.isoformat(timespec="seconds"),
        settled_at=now.isoformat(timespec="seconds"),
        member_id=member,
        lines=lines,
        service_fen=0,
        quote_id=quote["quote_id"],
        tenders=[{"method": "cash", "amount_fen": quote["to_pay_fen"]}],
    )
    _check(settled["class"] == "ordinary", "one bill makes an ordinary customer", settled)
    _check(guest.coupons() == [], "the coupon is used", guest.coupons())
    _see("结账", f"实付 {settled['paid_fen']} 分，成为普通客")


def _nine_o_clock(world: World, guest: Person) -> None:
    monday = _business_time(world) + timedelta(days=7 - _business_time(world).weekday())
    at = monday.replace(hour=9, minute=0, second=1, microsecond=0)
    world.flask("clock", "set", at.isoformat())
    coupon = _wait("the 09:00 wave's coupon", guest.coupons)[0]
    _see("09:00 发券", f"{coupon['title']} {coupon['number']}")
    told = _wait("its message on the phone", lambda: guest.messages_about(coupon["title"]))[-1]
    _see("消息到达", "，".join(told["data"].values()))


def _scan_and_redeem(world: World, guest: Person) -> None:
    shop = world.shop
    invite = world.flask("verifiers", "invite", "--merchant", shop.code, "--store", shop.store)[0]
    clerk = Person(world, "店员小张", "13900002222")
    clerk.log_in()
    clerk.call("POST", "/api/v1/verifier/bind", token=invite["token"])
    number = guest.coupons()[0]["number"]
    qr = guest.call("GET", f"/api/v1/me/coupons/{number}/qr")
    sheet = clerk.call("POST", "/api/v1/verifier/check", scan=qr["text"], store=shop.store)
    _see("扫码", f"{sheet['coupon']['title']} · {sheet['owner']} · {sheet['give']}")
    done = clerk.call("POST", "/api/v1/verifier/redeem", scan=qr["text"], store=shop.store)
    shown = guest.call("GET", f"/api/v1/me/coupons/{number}")
    _check(shown["state"] == "redeemed", "the customer's page says 已核销", shown)
    _see("确认核销", f"第 {done['redemption']['id']} 号核销，顾客页面已更新")


def _coupons_that_waited(world: World, guest: Person) -> None:
    thursday = _business_time(world) + timedelta(days=(3 - _business_time(world).weekday()) % 7)
    at = thursday.replace(hour=10, minute=30, second=1, microsecond=0)
    world.flask("clock", "set", at.isoformat())
    claimed = _wait("coupons that waited for the login", guest.log_in)
    _see("登录自动领取", "、".join(f"{c['title']} {c['number']}" for c in claimed))


def _business_time(world: World) -> datetime:
    return datetime.fromisoformat(world.flask("clock", "show")[0]["now"]).astimezone(SHANGHAI)


def _wait(what: str, look: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(1)
    raise NotRight(f"{what}: nothing within {PATIENCE:.0f} s")


def _check(right: bool, what: str, seen: object) -> None:
    if not right:
        raise NotRight(f"{what}: saw {seen}")


def _good(answer: requests.Response) -> dict[str, Any]:
    if not answer.ok:
        raise NotRight(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}")
    return dict(answer.json())


def _see(step: str, words: str) -> None:
    print(f"✓ {step:<8} {words}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--wechat", required=True)
    options = parser.parse_args()
    try:
        play(World(options.base_url.rstrip("/"), options.wechat.rstrip("/")))
    except NotRight as error:
        print(f"✗ {error}", flush=True)
        return 1
    print("✓ 全程无误 · The tour is complete.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
