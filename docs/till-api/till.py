"""签名调用收银接口 · a signed call of the till API. Python ≥ 3.8, standard library only.

    QB_URL=http://127.0.0.1:8000 QB_KEY=k01 QB_SECRET=p01 \
        python3 till.py POST /pos/v1/members/identify '{"phone":"13800000000"}'
"""

import base64
import hashlib
import hmac
import os
import secrets
import sys
import time
import urllib.error
import urllib.request


def authorization(
    key: str, secret: str, method: str, path: str, body: bytes, timestamp: str = "", nonce: str = ""
) -> str:
    timestamp = timestamp or str(int(time.time()))
    nonce = nonce or secrets.token_hex(16)
    text = f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
    signature = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return (
        f'QB1-HMAC-SHA256 key="{key}",timestamp="{timestamp}",'
        f'nonce="{nonce}",signature="{signature}"'
    )


def main() -> None:
    method, path = sys.argv[1], sys.argv[2]
    body = (sys.argv[3] if len(sys.argv) > 3 else "").encode()
    header = authorization(
        os.environ["QB_KEY"], os.environ["QB_SECRET"], method, path, body,
        os.environ.get("QB_TIMESTAMP", ""), os.environ.get("QB_NONCE", ""),
    )  # fmt: skip
    if os.environ.get("QB_SIGN_ONLY"):
        print(header)
        return
    request = urllib.request.Request(
        os.environ["QB_URL"] + path,
        data=body or None,
        method=method,
        headers={"Authorization": header, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            print(answer.read().decode())
    except urllib.error.HTTPError as refused:
        print(refused.read().decode())
        sys.exit(1)


if __name__ == "__main__":
    main()
