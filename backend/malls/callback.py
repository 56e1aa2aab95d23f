"""回调地址: where a mall hears of what was redeemed, and the one call that tells it (X-20).

In production https only, and no address of a private network: looked at when it is bound, and
again, by the address that is called, whenever it is called. No redirect is followed, nothing of
the answer but its status is read, and the whole call is over in time, however slowly it drips.
"""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, ip_address
from threading import Timer
from urllib.parse import SplitResult, urlsplit

import certifi

CONNECT_SECONDS, CALL_SECONDS = 3.0, 10.0
LONGEST = 300

_VISIBLE = re.compile(r"[\x21-\x7e]+")
_EMBEDDING = ("64:ff9b::", "2002:")
"""IPv6 that leads to an IPv4 address it contains: NAT64, 6to4."""


class CallbackFailed(Exception):
    """Nobody took it; the text says why, for staff."""


def wrong_with(url: str, *, production: bool) -> str | None:
    """Why this cannot be a callback address, in words; None: it can."""
    if len(url) > LONGEST or not _VISIBLE.fullmatch(url) or "\\" in url:
        return "应为网址，最多 300 字"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 out of range raises
    except ValueError:
        return "应为网址"
    schemes = ("https",) if production else ("https", "http")
    if parts.scheme not in schemes or not host:
        return "应以 https:// 开头" if production else "应以 https:// 或 http:// 开头"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "不能包含用户名、密码或 #"
    is_bare_name = "." not in host.strip(".") and ":" not in host
    if production and (is_bare_name or _is_private_literal(host)):
        return "不能是内网地址"
    return None


def path_of(url: str) -> str:
    """Path and query as they are sent and signed."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def post(url: str, body: bytes, *, headers: dict[str, str], production: bool) -> int:
    """Send ``body`` and answer the status; CallbackFailed when nobody could be asked."""
    if wrong := wrong_with(url, production=production):
        raise CallbackFailed(f"回调地址{wrong}")
    parts = urlsplit(url)
    address = _address(parts, production=production)
    try:
        with _connected(parts, address) as connection:
            connection.request("POST", path_of(url), body, {"Host": parts.netloc, **headers})
            return connection.getresponse().status
    except (HTTPException, OSError) as error:
        raise CallbackFailed(f"没有应答（{type(error).__name__}）") from None


def is_public(address: str) -> bool:
    """Whether an IP address is of the public internet, however it is spelt."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif found.compressed.startswith(_EMBEDDING) or found.teredo is not None:
            return False
    return found.is_global and not found.is_multicast


def _address(parts: SplitResult, *, production: bool) -> str:
    """The address that will be called, so that a name cannot change its mind in between."""
    host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=_STREAM)]
    except (OSError, UnicodeError):
        raise CallbackFailed("找不到回调地址的主机") from None
    if production and not all(is_public(address) for address in found):
        raise CallbackFailed("回调地址指向内网")
    return found[0]


@contextmanager
def _connected(parts: SplitResult, address: str) -> Iterator[HTTPConnection]:
    """To this address, and nowhere else; hung up when the time is over."""
    port = parts.port or _PORTS[parts.scheme]
    with socket.create_connection((address, port), timeout=CONNECT_SECONDS) as line:
        line.settimeout(CALL_SECONDS)
        with line.dup() as same_line:
            hang_up = Timer(CALL_SECONDS, _shut, (same_line,))
            hang_up.start()
            try:
                with closing(HTTPConnection(address, port)) as connection:
                    connection.sock = _sealed(line, parts) if parts.scheme == "https" else line
                    yield connection
            finally:
                hang_up.cancel()


def _shut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _sealed(line: socket.socket, parts: SplitResult) -> ssl.SSLSocket:
    """TLS with whom the URL names, whatever address it led to."""
    trusted = ssl.create_default_context(cafile=certifi.where())
    return trusted.wrap_socket(line, server_hostname=parts.hostname)


def _is_private_literal(host: str) -> bool:
    """An IP address in the URL itself, in any of the spellings that resolvers understand."""
    try:
        return not is_public(str(ip_address(host.strip("[]"))))
    except ValueError:
        return bool(re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?", host, re.I))


_PORTS = {"http": 80, "https": 443}
_STREAM = socket.SOCK_STREAM
