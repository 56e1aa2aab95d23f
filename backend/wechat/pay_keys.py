"""微信支付密钥: what is wrong with a key in PEM, in words for whoever typed it in.

The library reads PKCS#8 private keys and PKIX public keys only, the way WeChat Pay gives them out
(``apiclient_key.pem``, ``pub_key.pem``).
"""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from backend import deployment
from backend.wechat.models import PayAccount

LOCAL_KEY_ID = "PUB_KEY_ID_LOCAL"


def private_key(pem: str) -> str:
    """商户 API 私钥, tidied; ``ValueError`` in Chinese."""
    text = _tidy(pem)
    if not text.startswith("-----BEGIN PRIVATE KEY-----\n"):
        raise ValueError("应为 apiclient_key.pem 的全文（-----BEGIN PRIVATE KEY-----）")
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _FEWEST_BITS:
        raise ValueError("私钥读不出来，应为 2048 位 RSA 密钥")
    return text


def public_key(pem: str) -> str:
    """微信支付公钥, tidied; ``ValueError`` in Chinese."""
    text = _tidy(pem)
    if not text.startswith("-----BEGIN PUBLIC KEY-----\n"):
        raise ValueError("应为微信支付公钥 pub_key.pem 的全文（-----BEGIN PUBLIC KEY-----）")
    try:
        key = load_pem_public_key(text.encode())
    except ValueError:
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size < _FEWEST_BITS:
        raise ValueError("公钥读不出来，应为 2048 位 RSA 密钥")
    return text


def belong_together(private_pem: str, public_pem: str) -> bool:
    """Whether these are two halves of one pair: then the public one is not WeChat Pay's."""
    key = load_pem_private_key(private_pem.encode(), None)
    return isinstance(key, RSAPrivateKey) and _spelt(key.public_key()) == _fingerprint(public_pem)


def may_be_used(account: PayAccount) -> bool:
    """Not in production what the local WeChat platform signs: anybody could sign it."""
    return not (deployment.is_production() and is_local(account.public_key_id, account.public_key))


def is_local(public_key_id: str, public_pem: str) -> bool:
    """Whether this is the key of the local WeChat platform, whose private half everybody has."""
    return public_key_id == LOCAL_KEY_ID or _fingerprint(public_pem) == _LOCAL_KEY


_FEWEST_BITS = 2048
_LOCAL_KEY = "3569022e401d595345f5a2d2e3c6c7a2229b1f048573c20109361331c9cf181b"
"""SHA-256 of the DER of ``scripts/wechat_platform/pay_key.pem``'s public half."""


def _tidy(pem: str) -> str:
    return "\n".join(line.strip() for line in pem.strip().splitlines())


def _fingerprint(public_pem: str) -> str:
    key = load_pem_public_key(public_pem.encode())
    return _spelt(key) if isinstance(key, RSAPublicKey) else ""


def _spelt(key: RSAPublicKey) -> str:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(der).hexdigest()
