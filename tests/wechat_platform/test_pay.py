"""WeChat Pay as the platform plays it: who may call, what an order goes through, what is told."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from scripts.wechat_platform.pay_accounts import PayCredentials
from scripts.wechat_platform.pay_errors import PayError
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.server import Platform, start_platform

MCH = "1900000301"
ORDER = "/v3/pay/transactions/jsapi"
BY_NUMBER = "/v3/pay/transactions/out-trade-no/bill000001"
REFUNDS = "/v3/refund/domestic/refunds"
DEMO = Path(__file__).parents[2] / "scripts" / "demo" / "setup.yaml"

Body = dict[str, object]


@dataclass
class Merchant:
    """A merchant's own system, which signs by hand."""

    platform: Platform
    keys: PayCredentials
    guest: Person

    def call(
        self, method: str, path: str, body: Body | None = None, **parts: object
    ) -> requests.Response:
        text = "" if body is None else json.dumps(body)
        headers = {"Authorization": self.authorization(method, path, text, **parts)}
        headers["Content-Type"] = "application/json"
        return requests.request(
            method, self.platform.url + path, data=text, headers=headers, timeout=10
        )

    def authorization(self, method: str, path: str, text: str, **parts: object) -> str:
        said = {
            "mchid": MCH,
            "nonce_str": secrets.token_hex(16),
            "timestamp": str(int(time.time())),
            "serial_no": self.keys.serial_no,
        } | {name: str(value) for name, value in parts.items()}
        lines = (method, path, said["timestamp"], said["nonce_str"], text)
        said.setdefault("signature", self.sign("".join(f"{line}\n" for line in lines)))
        return "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{k}="{v}"' for k, v in said.items())

    def sign(self, text: str) -> str:
        key = load_pem_private_key(self.keys.private_key.encode(), None)
        return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()

    def order(self, **more: object) -> Body:
        openid = self.platform.openid(self.guest, "wxmini")
        return {
            "appid": "wxmini",
            "mchid": MCH,
            "description": "晚餐",
            "out_trade_no": "bill000001",
            "notify_url": "https://shop.example/notify",
            "amount": {"total": 100, "currency": "CNY"},
            "payer": {"openid": openid},
        } | more

    def prepay(self, **more: object) -> str:
        answer = self.call("POST", ORDER, self.order(**more))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["prepay_id"])

    def params(self, prepay_id: str) -> dict[str, str]:
        """What ``wx.requestPayment`` takes."""
        package = f"prepay_id={prepay_id}"
        return {
            "appId": "wxmini",
            "timeStamp": "1",
            "nonceStr": "n",
            "package": package,
            "signType": "RSA",
            "paySign": self.sign(f"wxmini\n1\nn\n{package}\n"),
        }

    def query(self) -> Body:
        answer: Body = self.call("GET", f"{BY_NUMBER}?mchid={MCH}").json()
        return answer

    def refund(self, **more: object) -> requests.Response:
        body = {
            "out_trade_no": "bill000001",
            "out_refund_no": "back1",
            "notify_url": "https://shop.example/notify",
            "amount": {"refund": 40, "total": 100, "currency": "CNY"},
        }
        return self.call("POST", REFUNDS, body | more)


@dataclass
class Ear:
    """What came to the notify address, and what it answers."""

    heard: list[tuple[str, dict[str, str], bytes]]
    status: int = 204

    def hear(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.heard.append((url, headers, body))
        return self.status, b""


@pytest.fixture
def ear() -> Ear:
    return Ear([])


@pytest.fixture
def merchant(ear: Ear) -> Iterator[Merchant]:
    platform = start_platform()
    platform.deliver_notice = ear.hear
    platform.account("wxmini", "miniprogram", "s")
    platform.account("wxother", "miniprogram", "s")
    keys = platform.pay_account(MCH, name="星火火锅", apps=["wxmini"])
    yield Merchant(platform, keys, platform.person("安娜"))
    platform.stop()


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


def test_answers_are_signed_and_so_are_refusals(merchant: Merchant) -> None:
    key = load_pem_public_key(merchant.keys.public_key.encode())
    for answer in (
        merchant.call("POST", ORDER, merchant.order()),
        merchant.call("POST", f"{BY_NUMBER}/close", {"mchid": MCH}),
        merchant.call("POST", ORDER, merchant.order(appid="wxother")),
    ):
        said = answer.headers
        assert said["Wechatpay-Serial"] == merchant.keys.public_key_id
        head = f"{said['Wechatpay-Timestamp']}\n{said['Wechatpay-Nonce']}\n".encode()
        signature = base64.b64decode(said["Wechatpay-Signature"])
        key.verify(signature, head + answer.content + b"\n", PKCS1v15(), SHA256())


@pytest.mark.parametrize(
    "parts",
    [
        {"mchid": "1900000999"},
        {"mchid": ""},
        {"serial_no": "00FF"},
        {"seconds_off": -400},
        {"seconds_off": 400},
        {"timestamp": "now"},
        {"nonce_str": ""},
        {"nonce_str": "x" * 33},
        {"nonce_str": "-"},
        {"signature": ""},
        {"signature": "AAAA"},
        {"signature": "不"},
        {"more": "x"},
    ],
)
def test_a_call_that_is_not_signed_rightly_is_401(
    merchant: Merchant, parts: dict[str, object]
) -> None:
    if (off := parts.get("seconds_off")) is not None:
        parts = {"timestamp": int(time.time()) + int(str(off))}
    header = merchant.authorization("POST", ORDER, json.dumps(merchant.order()), **parts)
    answer = requests.post(
        merchant.platform.url + ORDER,
        json=merchant.order(),
        headers={"Authorization": header.encode()},
        timeout=10,
    )
    assert code(answer) == (401, "SIGN_ERROR")
    assert merchant.platform.orders() == []


def test_every_part_of_the_header_is_needed_once(merchant: Merchant) -> None:
    text = json.dumps(merchant.order())
    scheme, _, rest = merchant.authorization("POST", ORDER, text).partition(" ")
    parts = rest.split(",")
    wrong = [f"{scheme} " + ",".join(parts[:at] + parts[at + 1 :]) for at in range(5)]
    wrong += [f"{scheme} " + ",".join([*parts, part]) for part in parts]
    wrong += ["", scheme, rest, f"WECHATPAY2-SM2-WITH-SM3 {rest}"]
    for header in wrong:
        answer = requests.post(
            merchant.platform.url + ORDER, data=text, headers={"Authorization": header}, timeout=10
        )
        assert code(answer) == (401, "SIGN_ERROR"), header


def test_the_signature_covers_method_address_and_body(merchant: Merchant) -> None:
    merchant.prepay()
    text = json.dumps(merchant.order())
    for method, path, body in (
        ("GET", ORDER, text),
        ("POST", ORDER + "?x=1", text),
        ("POST", ORDER, text + " "),
    ):
        header = {
            "Authorization": merchant.authorization(method, path, body),
            "Content-Type": "application/json",
        }
        answer = requests.post(merchant.platform.url + ORDER, data=text, headers=header, timeout=10)
        assert code(answer) == (401, "SIGN_ERROR")
    header = {"Authorization": merchant.authorization("GET", BY_NUMBER, "")}
    address = f"{merchant.platform.url}{BY_NUMBER}?mchid={MCH}"
    assert code(requests.get(address, headers=header, timeout=10)) == (401, "SIGN_ERROR")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"appid": "wxother"}, "APPID_MCHID_NOT_MATCH"),
        ({"mchid": "1900000302"}, "PARAM_ERROR"),
        ({"payer": {"openid": "o" * 28}}, "PARAM_ERROR"),
        ({"payer": "o"}, "PARAM_ERROR"),
        ({"out_trade_no": "short"}, "PARAM_ERROR"),
        ({"out_trade_no": "x" * 33}, "PARAM_ERROR"),
        ({"out_trade_no": "with space"}, "PARAM_ERROR"),
        ({"amount": {"total": 0}}, "PARAM_ERROR"),
        ({"amount": {"total": 1.5}}, "PARAM_ERROR"),
        ({"amount": {"total": "100"}}, "PARAM_ERROR"),
        ({"amount": {"total": True}}, "PARAM_ERROR"),
        ({"amount": {"total": 1, "currency": "USD"}}, "PARAM_ERROR"),
        ({"notify_url": "https://shop.example/notify?x=1"}, "PARAM_ERROR"),
        ({"notify_url": "notify"}, "PARAM_ERROR"),
        ({"description": ""}, "PARAM_ERROR"),
        ({"description": "锅" * 43}, "PARAM_ERROR"),
        ({"attach": "x" * 129}, "PARAM_ERROR"),
        ({"time_expire": "tomorrow"}, "PARAM_ERROR"),
        ({"time_expire": "2026-01-01T00:00:00"}, "PARAM_ERROR"),
        ({"time_expire": "2020-01-01T00:00:00+08:00"}, "PARAM_ERROR"),
    ],
)
def test_a_wrong_order_is_refused(merchant: Merchant, wrong: Body, said: str) -> None:
    assert code(merchant.call("POST", ORDER, merchant.order(**wrong))) == (400, said)


def test_an_order_is_paid_once_by_the_person_it_is_for(merchant: Merchant, ear: Ear) -> None:
    prepay_id = merchant.prepay()
    with pytest.raises(PayError):
        merchant.platform.pay(merchant.platform.person("李雷"), prepay_id)
    assert merchant.query()["trade_state"] == "NOTPAY"
    merchant.platform.pay(merchant.guest, prepay_id)
    with pytest.raises(PayError):
        merchant.platform.pay(merchant.guest, prepay_id)
    assert merchant.query()["trade_state"] == "SUCCESS"
    assert len(ear.heard) == 1
    assert code(merchant.call("POST", ORDER, merchant.order())) == (400, "ORDERPAID")
    assert code(merchant.call("POST", f"{BY_NUMBER}/close", {"mchid": MCH})) == (400, "ORDERPAID")


def test_a_number_stands_for_one_order(merchant: Merchant) -> None:
    first = merchant.prepay()
    second = merchant.prepay()
    assert first != second
    with pytest.raises(PayError):
        merchant.platform.pay(merchant.guest, first)
    answer = merchant.call("POST", ORDER, merchant.order(amount={"total": 101}))
    assert code(answer) == (403, "OUT_TRADE_NO_USED")


def test_a_closed_order_is_over(merchant: Merchant) -> None:
    prepay_id = merchant.prepay()
    answer = merchant.call("POST", f"{BY_NUMBER}/close", {"mchid": MCH})
    assert (answer.status_code, answer.content) == (204, b"")
    assert code(merchant.call("POST", f"{BY_NUMBER}/close", {"mchid": MCH})) == (400, "ORDERCLOSED")
    assert code(merchant.call("POST", ORDER, merchant.order())) == (400, "ORDERCLOSED")
    with pytest.raises(PayError):
        merchant.platform.pay(merchant.guest, prepay_id)


def test_an_order_lapses(merchant: Merchant) -> None:
    until = datetime.now(UTC) + timedelta(minutes=1)
    prepay_id = merchant.prepay(time_expire=until.isoformat(timespec="seconds"))
    merchant.platform.world.clock = lambda: time.time() + 61
    assert merchant.query()["trade_state"] == "CLOSED"
    with pytest.raises(PayError):
        merchant.platform.pay(merchant.guest, prepay_id)


def test_a_prepay_id_is_good_for_two_hours(merchant: Merchant) -> None:
    prepay_id = merchant.prepay()
    merchant.platform.world.clock = lambda: time.time() + 7201
    with pytest.raises(PayError):
        merchant.platform.pay(merchant.guest, prepay_id)


def test_what_nobody_ordered_is_not_found(merchant: Merchant) -> None:
    assert code(merchant.call("GET", f"{BY_NUMBER}?mchid={MCH}")) == (404, "ORDERNOTEXIST")
    assert code(merchant.refund()) == (404, "ORDERNOTEXIST")
    assert code(merchant.call("GET", f"{REFUNDS}/back1")) == (404, "RESOURCE_NOT_EXISTS")
    assert code(merchant.call("GET", "/v3/certificates")) == (404, "NOT_FOUND")


def test_money_goes_back_up_to_what_was_paid(merchant: Merchant, ear: Ear) -> None:
    merchant.prepay()
    assert code(merchant.refund()) == (400, "INVALID_REQUEST")
    merchant.platform.pay(merchant.guest, merchant.prepay())
    assert merchant.refund().json()["status"] == "PROCESSING"
    assert merchant.refund().json()["status"] == "PROCESSING"
    more: Body = {"out_refund_no": "back2", "amount": {"refund": 61, "total": 100}}
    assert code(merchant.refund(**more)) == (400, "INVALID_REQUEST")
    assert code(merchant.refund(amount={"refund": 41, "total": 100})) == (400, "INVALID_REQUEST")
    merchant.platform.push_waiting()
    assert merchant.call("GET", f"{REFUNDS}/back1").json()["status"] == "SUCCESS"
    assert merchant.query()["trade_state"] == "REFUND"
    assert [json.loads(body)["event_type"] for _, _, body in ear.heard] == [
        *("TRANSACTION.SUCCESS", "REFUND.SUCCESS"),
    ]


def test_a_notice_is_signed_and_sealed_for_the_merchant(merchant: Merchant, ear: Ear) -> None:
    merchant.platform.pay(merchant.guest, merchant.prepay(attach="x=1"))
    ((url, headers, body),) = ear.heard
    assert url == "https://shop.example/notify"
    head = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode()
    key = load_pem_public_key(merchant.keys.public_key.encode())
    signature = base64.b64decode(headers["Wechatpay-Signature"])
    key.verify(signature, head + body + b"\n", PKCS1v15(), SHA256())
    sealed = json.loads(body)["resource"]
    opened = AESGCM(merchant.keys.api_v3_key.encode()).decrypt(
        sealed["nonce"].encode(),
        base64.b64decode(sealed["ciphertext"]),
        sealed["associated_data"].encode(),
    )
    told = json.loads(opened)
    assert (told["mchid"], told["out_trade_no"], told["attach"]) == (MCH, "bill000001", "x=1")
    assert told["amount"]["payer_total"] == 100


def test_a_notice_comes_until_it_is_taken_and_more_often_if_told_to(
    merchant: Merchant, ear: Ear
) -> None:
    ear.status = 500
    merchant.platform.spoil_notices(duplicates=2)
    merchant.platform.pay(merchant.guest, merchant.prepay())
    assert len(ear.heard) == 3
    merchant.platform.push_waiting()
    ear.status = 200
    merchant.platform.push_waiting()
    assert merchant.platform.push_waiting() == 0
    assert len({body for _, _, body in ear.heard}) == 1
    (notice,) = merchant.platform.notices()
    assert (notice.tries, notice.done, notice.status) == (3, True, 200)


def test_in_the_background_a_notice_outlives_the_platform(ear: Ear, tmp_path: Path) -> None:
    gone = "http://127.0.0.1:9"
    platform = start_platform(product=gone, data=tmp_path, setup=DEMO, retry_pause=0.15)
    platform.deliver_notice = lambda url, headers, body: (500, b"")
    (number,) = [row["mch_id"] for row in platform.world.store.rows("SELECT * FROM pay_account")]
    assert number == "1900009191"
    guest = platform.person("安娜")
    keys = platform.pay_account(MCH)
    merchant = Merchant(platform, keys, guest)
    openid = platform.openid(guest, "wxmini0001")
    prepay_id = merchant.prepay(appid="wxmini0001", payer={"openid": openid})
    platform.pay(guest, prepay_id)
    platform.stop()
    again = start_platform(product=gone, data=tmp_path, retry_pause=0.15)
    again.deliver_notice = ear.hear
    deadline = time.monotonic() + 10
    while not ear.heard and time.monotonic() < deadline:
        time.sleep(0.02)
    again.stop()
    assert ear.heard[0][0] == f"{gone}/notify"


def test_it_fails_as_it_is_told_to(merchant: Merchant) -> None:
    merchant.platform.fail(ORDER, status=403, code="NOT_ENOUGH")
    assert code(merchant.call("POST", ORDER, merchant.order())) == (403, "NOT_ENOUGH")
    merchant.platform.fail(ORDER, status=502, html=True, carried_out=True)
    assert merchant.call("POST", ORDER, merchant.order()).status_code == 502
    assert len(merchant.platform.orders()) == 1


def test_a_person_pays_by_hand(merchant: Merchant, ear: Ear) -> None:
    url = merchant.platform.url + "/_sim"
    made = requests.post(f"{url}/pay-accounts", json={"mch_id": "1900000309"}, timeout=10)
    assert made.status_code == 201 and "private_key" in made.json()
    body = {"person": merchant.guest.id, "prepay_id": merchant.prepay()}
    ear.status = 500
    told = requests.post(f"{url}/pay", json=body, timeout=10).json()["notice"]
    assert (told["subject"], told["done"], told["status"]) == ("bill000001", False, 500)
    listed = requests.get(f"{url}/payments", timeout=10).json()
    assert listed["orders"][0]["state"] == "SUCCESS"
    assert code(requests.post(f"{url}/pay", json=body, timeout=10)) == (400, "ORDERPAID")
    nobody = {"person": "nobody", "prepay_id": "x"}
    assert requests.post(f"{url}/pay", json=nobody, timeout=10).status_code == 400


def test_the_phone_shows_the_sheet_and_the_bill(merchant: Merchant) -> None:
    phone = f"{merchant.platform.url}/phone/{merchant.guest.id}/pay"
    prepay_id = merchant.prepay()
    params = merchant.params(prepay_id)
    opened = requests.post(f"{phone}/sheet", json=params, timeout=10).json()
    assert opened["body"] == {
        "amount_fen": 100,
        "merchant": "星火火锅",
        "description": "晚餐",
        "prepay_id": prepay_id,
    }
    refused = requests.post(f"{phone}/sheet", json=params | {"paySign": "AAAA"}, timeout=10).json()
    assert (refused["status"], refused["body"]["message"]) == (401, "支付验证签名失败")
    assert "¥1.00" in requests.get(phone, timeout=10).text
    assert "-1.00" in requests.post(f"{phone}/{prepay_id}", timeout=10).text
    assert merchant.query()["trade_state"] == "SUCCESS"
    confirmed = requests.post(f"{phone}/confirm", json={"prepay_id": prepay_id}, timeout=10)
    assert confirmed.json()["body"]["code"] == "ORDERPAID"
