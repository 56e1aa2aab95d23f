"""回调地址: public https in production, whatever the tricks (X-20)."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from backend.malls import callback
from backend.malls.callback import CallbackFailed
from tests.malls import listening

TRICKS = [
    "http://mall.example.com/told",
    "ftp://mall.example.com",
    "file:///etc/passwd",
    "//mall.example.com",
    "mall.example.com",
    "https://",
    "https:///path",
    "https://user@mall.example.com",
    "https://user:pw@mall.example.com",
    "https://mall.example.com#x",
    "https://mall.example.com/a b",
    "https://mall.example.com\\@evil.example.com",
    "https://mall.example.com:99999",
    "https://mall.example.com\r\nHost: x",
    "https://商城.example.com",
    "https://localhost",
    "https://localhost.",
    "https://redis",
    "https://127.0.0.1",
    "https://127.1",
    "https://0",
    "https://0.0.0.0",
    "https://2130706433",
    "https://0x7f000001",
    "https://0x7f.0.0.1",
    "https://0177.0.0.1",
    "https://10.0.0.8",
    "https://172.16.0.1",
    "https://192.168.1.1",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1",
    "https://224.0.0.1",
    "https://255.255.255.255",
    "https://[::1]",
    "https://[::]",
    "https://[fe80::1]",
    "https://[fc00::1]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:10.0.0.1]",
    "https://[64:ff9b::7f00:1]",
    "https://[2002:7f00:1::]",
    "https://mall.example.com/" + "x" * 300,
]


@pytest.mark.parametrize("url", TRICKS, ids=range(len(TRICKS)))
def test_a_trick_is_no_callback_in_production(url: str) -> None:
    assert callback.wrong_with(url, production=True)
    with pytest.raises(CallbackFailed):
        callback.post(url, b"{}", headers={}, production=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://mall.example.com",
        "https://mall.example.com:8443/told?shop=1",
        "https://203.0.114.9/told",
        "https://[2606:4700::1111]/told",
    ],
)
def test_a_public_https_address_is_one(url: str) -> None:
    assert callback.wrong_with(url, production=True) is None


def test_a_name_that_leads_inside_is_refused_when_it_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bound when it led elsewhere: what counts is the address that would be called."""
    inside = [(0, 0, 0, "", ("203.0.114.9", 443)), (0, 0, 0, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(callback.socket, "getaddrinfo", lambda *_, **__: inside)
    with pytest.raises(CallbackFailed, match="内网"):
        callback.post("https://mall.example.com", b"{}", headers={}, production=True)


def test_on_a_development_machine_the_mall_may_stand_beside_us() -> None:
    with listening("s") as ear:
        ear.answers = [204, 302]
        for status in (204, 302):
            headers = {"Authorization": "QB1", "Content-Type": "application/json"}
            headers["Authorization"] = 'QB1-HMAC-SHA256 timestamp="1",nonce="n",signature="s"'
            assert callback.post(ear.url, b"{}", headers=headers, production=False) == status
    assert ear.forged == 2, "a redirect is not followed"


def test_nobody_there_is_a_failure_in_words() -> None:
    with pytest.raises(CallbackFailed, match="没有应答"):
        callback.post("http://127.0.0.1:9/told", b"{}", headers={}, production=False)


@contextmanager
def line_to(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port where the first caller is served."""

    def answer() -> None:
        with suppress(OSError), listener.accept()[0] as line:
            serve(line)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
    thread.join(timeout=10)
    assert not thread.is_alive()


def drip(line: socket.socket, text: bytes = b"HTTP/1.1 ") -> None:
    for _ in range(200):
        for byte in text:
            line.sendall(bytes([byte]))
            time.sleep(0.02)
        text = b"0"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_that_drips_is_over_in_time(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, the whole never does; so may a TLS handshake."""
    monkeypatch.setattr(callback, "CALL_SECONDS", 0.5)
    serve = drip if scheme == "http" else lambda line: drip(line, b"\x16\x03\x03\x40\x00\x02")
    began = time.monotonic()
    with line_to(serve) as port, pytest.raises(CallbackFailed, match="没有应答"):
        callback.post(f"{scheme}://127.0.0.1:{port}/", b"{}", headers={}, production=False)
    assert time.monotonic() - began < 20, "dripping takes half a minute"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of 127.0.0.1, signed by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    begin = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=9))
        .add_extension(here, critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    spelt = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(spelt + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_mall_is_told_only_behind_a_certificate_of_its_name(
    host: str, is_trusted: bool, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []

    def serve(line: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with context.wrap_socket(line, server_side=True) as sealed:
            while not heard or not heard[-1].endswith(b"{}"):
                heard.append((heard[-1] if heard else b"") + sealed.recv(4096))
            sealed.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    if is_trusted:
        monkeypatch.setattr(callback.certifi, "where", lambda: str(certificate))
    monkeypatch.setattr(socket, "getaddrinfo", _to_this_machine)
    with line_to(serve) as port:
        url = f"https://{host}:{port}/told?shop=1"
        if is_trusted and host == "127.0.0.1":
            assert callback.post(url, b"{}", headers={}, production=False) == 204
            head, body = heard[-1].split(b"\r\n\r\n")
            assert head.startswith(b"POST /told?shop=1 HTTP/1.1\r\n") and body == b"{}"
            assert f"Host: {host}:{port}".encode() in head and b"Content-Length: 2" in head
        else:
            with pytest.raises(CallbackFailed, match="SSLCertVerificationError"):
                callback.post(url, b"{}", headers={}, production=False)
            assert heard == []


def _to_this_machine(_: str, port: int, *__: int, **___: int) -> list[tuple[object, ...]]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
