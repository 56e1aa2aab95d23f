"""故障: make the next calls of a path fail in a chosen way; count all calls."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import Response

from scripts.wechat_platform.errors import WeChatError

_HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Fault:
    """One way to fail, for the next ``times`` calls of ``path`` (``*`` is any path).

    ``carried_out``: the call has its effect and only the answer goes wrong; so it is with a
    truncated answer, and with ``hang`` alone (the true answer comes, ``hang`` seconds late).
    ``code``: a refusal as WeChat Pay words it, with ``status``.
    """

    path: str
    errcode: int | None = None
    status: int = 200
    hang: float = 0.0
    html: bool = False
    truncate: bool = False
    carried_out: bool = False
    times: int = 1
    code: str | None = None


class Faults:
    """The faults in waiting, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._calls: Counter[str] = Counter()
        self._stopping = threading.Event()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def count(self, path: str) -> None:
        with self._lock:
            self._calls[path] += 1

    def calls(self) -> dict[str, int]:
        with self._lock:
            return dict(self._calls)

    def take(self, path: str) -> Fault | None:
        """The fault that hits this call, used up by one."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.path in (path, "*"):
                    if fault.times <= 1:
                        del self._waiting[place]
                    else:
                        self._waiting[place] = replace(fault, times=fault.times - 1)
                    return fault
        return None

    def answer(self, fault: Fault, carry_out: Callable[[], Response]) -> Response:
        """What the caller gets to see instead."""
        real = carry_out() if _has_effect(fault) else None
        if fault.hang:
            self._stopping.wait(fault.hang)
        if fault.truncate and real is not None:
            return _cut(real)
        if fault.html:
            return Response(_HTML, status=fault.status, content_type="text/html; charset=utf-8")
        if fault.code is not None:
            body = json.dumps({"code": fault.code, "message": "系统模拟的错误"}, ensure_ascii=False)
            return Response(body, fault.status, content_type="application/json; charset=utf-8")
        if fault.errcode is not None:
            body = json.dumps(WeChatError(fault.errcode).answer(), ensure_ascii=False)
            return Response(body, fault.status, content_type="application/json; encoding=utf-8")
        return real or Response("", status=fault.status)

    def forget(self) -> None:
        with self._lock:
            self._waiting.clear()
            self._calls.clear()

    def stop(self) -> None:
        """Wake everything that hangs."""
        self._stopping.set()


def _has_effect(fault: Fault) -> bool:
    says = fault.errcode is not None or fault.code is not None or fault.html
    only_slow = fault.hang > 0 and not says and fault.status == 200
    return fault.carried_out or fault.truncate or only_slow


def _cut(real: Response) -> Response:
    """Half of the body: broken JSON to whoever reads it."""
    body = real.get_data()
    return Response(body[: len(body) // 2], real.status_code, content_type=real.content_type)
