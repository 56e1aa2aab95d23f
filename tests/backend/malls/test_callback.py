"""回调地址: public https in production, whatever the tricks (X-20)."""

import pytest

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
