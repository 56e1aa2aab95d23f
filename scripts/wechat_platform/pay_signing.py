"""WECHATPAY2-SHA256-RSA2048: who calls WeChat Pay, what it signs, how its notices are sealed."""

import base64
import json
import re
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from scripts.wechat_platform.pay_accounts import (
    KEY_ID,
    PayAccount,
    known_pay_account,
    platform_key,
)
from scripts.wechat_platform.pay_errors import PayError
from scripts.wechat_platform.store import Store

SCHEME = "WECHATPAY2-SHA256-RSA2048"
CLOCKS_APART = 300
_PARTS = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}
_PART = re.compile(r'([a-z_]+)="([^"]*)"')
_NONCE = re.compile(r"[0-9A-Za-z]{1,32}")


def account_signing(
    store: Store, authorization: str, *, method: str, address: str, body: bytes, now: float
) -> PayAccount:
    """Whose call this is, or 401 SIGN_ERROR. ``address``: path and query as they were sent."""
    scheme, _, rest = authorization.partition(" ")
    parts = [part.strip() for part in rest.split(",")]
    said = {match[1]: match[2] for part in parts if (match := _PART.fullmatch(part))}
    if scheme != SCHEME or len(parts) != len(_PARTS) or set(said) != _PARTS:
        raise PayError("SIGN_ERROR", "Http头Authorization值格式错误")
    if not said["timestamp"].isdigit() or abs(now - int(said["timestamp"])) > CLOCKS_APART:
        raise PayError("SIGN_ERROR", "Http头Authorization中的timestamp与当前时间相差超过5分钟")
    if not _NONCE.fullmatch(said["nonce_str"]):
        raise PayError("SIGN_ERROR", "Http头Authorization中的nonce_str不正确")
    account = known_pay_account(store, said["mchid"])
    if said["serial_no"] != account.serial_no:
        raise PayError("SIGN_ERROR", "商户证书序列号有误")
    head = f"{method}\n{address}\n{said['timestamp']}\n{said['nonce_str']}\n"
    try:
        signature = base64.b64decode(said["signature"], validate=True)
        account.key().verify(signature, head.encode() + body + b"\n", PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        raise PayError("SIGN_ERROR", "错误的签名，验签失败") from None
    return account


def check_sheet(account: PayAccount, params: Mapping[str, str]) -> None:
    """What ``wx.requestPayment`` checks of the merchant before the sheet opens."""
    names = ("appId", "timeStamp", "nonceStr", "package")
    lines = "".join(f"{params.get(name, '')}\n" for name in names)
    try:
        if params.get("signType") != "RSA":
            raise ValueError(params.get("signType"))
        signature = base64.b64decode(params.get("paySign", ""), validate=True)
        account.key().verify(signature, lines.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        raise PayError("SIGN_ERROR", "支付验证签名失败") from None


def signed_headers(body: bytes, *, at: float, wrongly: bool = False) -> dict[str, str]:
    """What WeChat Pay puts on everything it sends; ``wrongly``: a signature of something else."""
    timestamp, nonce = str(int(at)), secrets.token_hex(16)
    text = f"{timestamp}\n{nonce}\n".encode() + body + (b" \n" if wrongly else b"\n")
    signature = platform_key().sign(text, PKCS1v15(), SHA256())
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
        "Wechatpay-Serial": KEY_ID,
        "Wechatpay-Signature-Type": SCHEME,
    }


def sealed(account: PayAccount, resource: Mapping[str, object], *, kind: str) -> dict[str, str]:
    """The ``resource`` of a notice, readable with the merchant's APIv3 key only."""
    nonce = secrets.token_hex(6)
    text = json.dumps(resource, ensure_ascii=False).encode()
    cipher = AESGCM(account.api_v3_key.encode()).encrypt(nonce.encode(), text, kind.encode())
    return {
        "original_type": kind,
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(cipher).decode(),
        "associated_data": kind,
        "nonce": nonce,
    }
