"""签名 QB1-HMAC-SHA256 (spec/08), as tills and malls sign to us, and we to malls. Pure."""

import base64
import hmac

SCHEME = "QB1-HMAC-SHA256"


def sign(secret: str, *, method: str, path: str, timestamp: str, nonce: str, body: bytes) -> str:
    """The signature of a request; ``path`` with its query as sent."""
    text = f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
    return base64.b64encode(hmac.digest(secret.encode(), text, "sha256")).decode()


def authorization(
    key: str, secret: str, *, method: str, path: str, timestamp: str, nonce: str, body: bytes
) -> str:
    """The header of a signed request."""
    signature = sign(secret, method=method, path=path, timestamp=timestamp, nonce=nonce, body=body)
    return f'{SCHEME} key="{key}",timestamp="{timestamp}",nonce="{nonce}",signature="{signature}"'
