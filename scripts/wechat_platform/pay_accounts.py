"""商户号: who may have people pay, and the platform's own key.

``pay_key.pem`` is WeChat Pay's private key on this platform only, the same on every machine and
known to everybody: it proves nothing. Products know it by ``PUB_KEY_ID_LOCAL``.
"""

import json
import sqlite3
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from scripts.wechat_platform.pay_errors import PayError
from scripts.wechat_platform.store import Store, text_of

KEY_ID = "PUB_KEY_ID_LOCAL"


@dataclass(frozen=True)
class PayAccount:
    """One 商户号 as WeChat Pay knows it; ``apps`` None: every app is bound to it."""

    mch_id: str
    serial_no: str
    public_key: str
    api_v3_key: str
    name: str = ""
    apps: tuple[str, ...] | None = None

    def key(self) -> RSAPublicKey:
        key = load_pem_public_key(self.public_key.encode())
        assert isinstance(key, RSAPublicKey)
        return key


@dataclass(frozen=True)
class PayCredentials:
    """What a merchant is given to put into the product."""

    mch_id: str
    serial_no: str
    private_key: str
    api_v3_key: str
    public_key_id: str
    public_key: str


def add_pay_account(store: Store, account: PayAccount) -> PayAccount:
    """Make it, or bring it up to date."""
    store.run(
        "INSERT OR REPLACE INTO pay_account VALUES (?, ?, ?, ?, ?, ?)",
        account.mch_id,
        account.serial_no,
        account.public_key,
        account.api_v3_key,
        account.name,
        None if account.apps is None else text_of(account.apps),
    )
    return account


def new_pay_account(
    store: Store, mch_id: str, *, name: str = "", apps: tuple[str, ...] | None = None
) -> PayCredentials:
    """A 商户号 with new secrets; the same ones for the same number in one process."""
    private_key = _merchant_key(mch_id)
    serial_no, api_v3_key = _digits(mch_id, "serial")[:40], _digits(mch_id, "v3")[:32]
    public_key = public_pem(private_key)
    add_pay_account(store, PayAccount(mch_id, serial_no, public_key, api_v3_key, name, apps))
    private_pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return PayCredentials(
        mch_id, serial_no, private_pem.decode(), api_v3_key, KEY_ID, public_pem(platform_key())
    )


def known_pay_account(store: Store, mch_id: str) -> PayAccount:
    row = store.row("SELECT * FROM pay_account WHERE mch_id=?", mch_id)
    if row is None:
        raise PayError("SIGN_ERROR", "商户号不存在")
    return _account(row)


@cache
def platform_key() -> RSAPrivateKey:
    key = load_pem_private_key((Path(__file__).parent / "pay_key.pem").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


def public_pem(key: RSAPrivateKey) -> str:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public.decode()


def public_pem_of(private_pem: str) -> str:
    """The public half of a merchant's key: WeChat Pay knows it by the certificate."""
    key = load_pem_private_key(private_pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return public_pem(key)


@cache
def _merchant_key(mch_id: str) -> RSAPrivateKey:
    del mch_id
    return generate_private_key(65537, 2048)


def _digits(mch_id: str, of: str) -> str:
    return sha256(f"{of}:{mch_id}".encode()).hexdigest().upper()


def _account(row: sqlite3.Row) -> PayAccount:
    return PayAccount(
        mch_id=row["mch_id"],
        serial_no=row["serial_no"],
        public_key=row["public_key"],
        api_v3_key=row["api_v3_key"],
        name=row["name"] or row["mch_id"],
        apps=None if row["apps"] is None else tuple(json.loads(row["apps"])),
    )
