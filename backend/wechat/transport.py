"""The wire to WeChat: where it goes, how long it may take, how much may come back.

wechatpy writes the addresses of its calls into its code; the adapter sends them all to
``WECHAT_API_BASE_URL``. wechatpy costs half a second to import and is loaded at the first call.
"""

import functools
import importlib
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from pydantic import JsonValue
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

from backend import deployment, outside
from backend.wechat.errors import OutcomeUnknown, Transient, WechatError

HOST = "https://api.weixin.qq.com"
MOST_BYTES = 1024 * 1024

Json = Mapping[str, JsonValue]
Params = Mapping[str, str | None]


class Said(WechatError):
    """WeChat answered with an errcode; the gateway says what it means."""


def ask(path: str, *, params: Params, body: Json | None = None) -> dict[str, JsonValue] | bytes:
    """One request: the JSON object of the answer, or the bytes of something else.

    Raises ``Said`` for an errcode, ``Transient`` when no connection was made, else
    ``OutcomeUnknown``. What is raised holds no trace of the request.
    """
    outside.seconds_left()
    result = _answer(path, params, body)
    if isinstance(result, WechatError):
        raise result
    return result


def warm_up() -> None:
    """Load wechatpy now: a process that forks for every job would else load it in every job."""
    importlib.import_module("wechatpy")


def _answer(
    path: str, params: Params, body: Json | None
) -> dict[str, JsonValue] | bytes | WechatError:
    from wechatpy.exceptions import WeChatClientException

    client = _client()
    method = "get" if body is None else "post"
    # wechatpy asks for a token of its own unless it sees one; requests leaves out what is None
    asked = {"access_token": None, **params}
    extra = {} if body is None else {"data": dict(body)}
    try:
        answer = getattr(client, method)(HOST + path, params=asked, allow_redirects=False, **extra)
    except WeChatClientException as error:
        if error.errcode is None:
            return _broken(error.response.status_code)
        return Said(error.errcode, str(error.errmsg))
    except RequestException as error:
        if _never_sent(error):
            return Transient(words="no connection to WeChat")
        return OutcomeUnknown(words="no answer from WeChat")
    except (HTTPError, TypeError, ValueError, RecursionError):
        return OutcomeUnknown(words="not an answer of WeChat's")
    if isinstance(answer, dict):
        return answer
    if isinstance(answer, requests.Response):
        return answer.content
    return OutcomeUnknown(words="not an answer of WeChat's")


def _broken(status: int) -> WechatError:
    """Below 500, and 429 above all, the request was turned away at the door."""
    kind = Transient if status == 429 else OutcomeUnknown
    return kind(words=f"HTTP {status}")


def _never_sent(error: RequestException) -> bool:
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(error, requests.ConnectTimeout) or isinstance(
        cause, ConnectTimeoutError | NewConnectionError | ProxyError | SSLError
    )


def _client() -> Any:  # noqa: ANN401
    from wechatpy import WeChatClient

    client = WeChatClient("", "", timeout=outside.Patience(), auto_retry=False)
    http = client._http
    http.trust_env = False
    http.mount("https://", _adapter(deployment.wechat_api()))
    return client


@functools.cache
def _adapter(base_url: str) -> "_Adapter":
    """Connections are kept and shared by the threads of this process."""
    return _Adapter(base_url)


class _Adapter(HTTPAdapter):
    """Sends every request to the base URL and reads at most ``MOST_BYTES`` in time."""

    def __init__(self, base_url: str) -> None:
        self._base = urlsplit(base_url)
        super().__init__(pool_maxsize=32)

    def send(
        self,
        request: requests.PreparedRequest,
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> requests.Response:
        there = urlsplit(str(request.url))
        path = self._base.path.rstrip("/") + there.path
        request.url = urlunsplit((self._base.scheme, self._base.netloc, path, there.query, ""))
        kwargs["stream"] = True
        response = super().send(request, *args, **kwargs)
        response._content = _read(response)
        response._content_consumed = True  # type: ignore[attr-defined]
        return response


def _read(response: requests.Response) -> bytes:
    """The whole body; too much or too slow is a lost answer."""
    deadline = time.monotonic() + min(outside.ANSWER_SECONDS, outside.seconds_left())
    body = b""
    try:
        while part := response.raw.read1(65536, decode_content=True):
            body += part
            if len(body) > MOST_BYTES or time.monotonic() > deadline:
                raise requests.ConnectionError("the answer is too long")
    except (HTTPError, OSError):
        response.close()
        raise requests.ConnectionError("the answer was cut") from None
    response.raw.release_conn()
    return body
