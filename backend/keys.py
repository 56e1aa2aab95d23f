"""密钥. What this deployment's two secrets are used for, one derived key per purpose.

``Sealed`` is the column type of secrets at rest (小程序密钥, POS 密钥): AES-GCM under the
encryption key, never shown again.
"""

import base64
import hmac
import os
from functools import lru_cache
from typing import Any, Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app
from sqlalchemy import String, Text, TypeDecorator

from backend.settings import Keys


def purpose_key(purpose: str, *, length: int = 32) -> bytes:
    """The key for one purpose (``coupon-qr``, ``coupon-number``, ``customer-token``)."""
    return _derived(_keys().secret, purpose, length)


def is_same(said: str, secret: str) -> bool:
    """Whether somebody said the secret, in the same time however wrong; whatever text it is."""
    return hmac.compare_digest(
        said.encode(errors="surrogatepass"), secret.encode(errors="surrogatepass")
    )


def seal(text: str) -> str:
    """Encrypt a secret for storage."""
    nonce = os.urandom(12)
    sealed = AESGCM(_derived(_keys().encryption, "sealed", 32)).encrypt(nonce, text.encode(), None)
    return base64.b64encode(nonce + sealed).decode()


def unseal(stored: str) -> str:
    """The secret again; a wrong ENCRYPTION_KEY raises ``cryptography.exceptions.InvalidTag``."""
    raw = base64.b64decode(stored)
    key = _derived(_keys().encryption, "sealed", 32)
    return AESGCM(key).decrypt(raw[:12], raw[12:], None).decode()


def check_value(which: Literal["secret", "encryption"]) -> str:
    """What is kept with the data to know the key again; it tells nothing of the key."""
    return _derived(getattr(_keys(), which), "check", 32).hex()


class Sealed(TypeDecorator[str]):
    """A secret: clear in Python, encrypted in the table."""

    impl: Any = String(512)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:  # noqa: ANN401
        return None if value is None else seal(value)

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:  # noqa: ANN401
        return None if value is None else unseal(value)


class SealedText(Sealed):
    """A long secret, such as a private key."""

    impl = Text
    cache_ok = True


def _keys() -> Keys:
    keys: Keys = current_app.config["KEYS"]
    return keys


@lru_cache(maxsize=64)
def _derived(secret: str, purpose: str, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=b"quanbao", info=purpose.encode()).derive(secret.encode())
