"""消息推送: WeChat calls the product back, 5 seconds, three tries, then gives up.

Some pushes can be spoilt on purpose (``Spoil``): sent twice, wrongly signed, or late.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import requests

from scripts.wechat_platform.accounts import Account
from scripts.wechat_platform.chat import Channel, Message, keep, note
from scripts.wechat_platform.envelopes import BadReply, Envelope, Fields, read_reply, seal
from scripts.wechat_platform.store import Store

Deliver = Callable[[str, dict[str, str], bytes, str], tuple[int, bytes]]

TRIES = 3
TIMEOUT_SECONDS = 5
_AFTERWARDS = 0.2  # seconds between the answer of a send and its finish event
_OUT_OF_ORDER = "该公众号提供的服务出现故障，请稍后再试"


@dataclass(frozen=True)
class Spoil:
    """What goes wrong with the next pushes."""

    duplicates: int = 0
    wrong_signature: bool = False
    delay: float = 0.0
    times: int = 1


@dataclass(frozen=True)
class Pushed:
    """What became of one push: status 0 means nobody answered."""

    status: int
    tries: int
    reply: dict[str, object] | None = None
    problem: str | None = None


@dataclass(frozen=True)
class _Waiting:
    account: Account
    openid: str
    fields: dict[str, object]
    due_at: float


class Pushes:
    """Sends pushes now (``push``) or after the present call was answered (``later``)."""

    def __init__(
        self,
        store: Store,
        *,
        deliver: Deliver,
        product: str | None,
        in_background: bool,
        retry_pause: float,
    ) -> None:
        self._store = store
        self.deliver = deliver
        self._product = product or "http://product.invalid"
        self._retry_pause = retry_pause
        self._waiting: deque[_Waiting] = deque()
        self._spoils: list[Spoil] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._last_created: dict[str, int] = {}
        self._pool = ThreadPoolExecutor(4, "wechat-push") if in_background else None

    def push(self, account: Account, openid: str, **fields: object) -> Pushed | None:
        """Push one event or message and read the answer; None when no callback is configured."""
        if not account.token:
            return None
        timestamp = int(time.time())
        whole: Fields = {
            "ToUserName": account.original_id,
            "FromUserName": openid,
            "CreateTime": self._created_at(openid, timestamp),
            **fields,  # type: ignore[dict-item]
        }
        spoil = self._next_spoil()
        self._stopping.wait(spoil.delay)
        envelope = seal(account, openid, whole, timestamp=timestamp)
        if spoil.wrong_signature:
            envelope = _forged(envelope)
        for _ in range(spoil.duplicates):
            self._try(account, envelope)
        pushed = self._settle(account, openid, envelope)
        self._record(account, openid, whole, pushed)
        self._show(account, openid, whole, pushed)
        return pushed

    def later(self, account: Account, openid: str, **fields: object) -> None:
        """Push once the call in progress has been answered."""
        if not account.token:
            return
        waiting = _Waiting(account, openid, fields, time.monotonic() + _AFTERWARDS)
        if self._pool is None:
            self._waiting.append(waiting)
        elif not self._stopping.is_set():
            self._pool.submit(self._push_waiting, waiting)

    def push_waiting(self) -> int:
        """Push what was kept back (only without background); how many."""
        count = 0
        while self._waiting:
            self._push_waiting(self._waiting.popleft())
            count += 1
        return count

    def spoil(self, spoil: Spoil) -> None:
        with self._lock:
            self._spoils.append(spoil)

    def forget(self) -> None:
        with self._lock:
            self._spoils.clear()
            self._waiting.clear()

    def stop(self) -> None:
        self._stopping.set()
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _push_waiting(self, waiting: _Waiting) -> None:
        if self._pool:
            self._stopping.wait(max(0.0, waiting.due_at - time.monotonic()))
        self.push(waiting.account, waiting.openid, **waiting.fields)

    def _created_at(self, openid: str, now: int) -> int:
        """Whole seconds, and nobody does two things within one: two would look like a repeat."""
        with self._lock:
            created_at = max(now, self._last_created.get(openid, 0) + 1)
            self._last_created[openid] = created_at
        return created_at

    def _next_spoil(self) -> Spoil:
        with self._lock:
            if not self._spoils:
                return Spoil()
            spoil = self._spoils.pop(0)
            if spoil.times > 1:
                self._spoils.insert(0, replace(spoil, times=spoil.times - 1))
            return spoil

    def _settle(self, account: Account, openid: str, envelope: Envelope) -> Pushed:
        status, tries = 0, 0
        while tries < TRIES and not self._stopping.is_set():
            tries += 1
            status, answer = self._try(account, envelope)
            if status == 200:
                try:
                    return Pushed(status, tries, read_reply(account, openid, answer))
                except BadReply as problem:
                    return Pushed(status, tries, problem=str(problem))
            if tries < TRIES:
                self._stopping.wait(self._retry_pause)
        return Pushed(status, tries, problem=f"no good answer, last status {status}")

    def _try(self, account: Account, envelope: Envelope) -> tuple[int, bytes]:
        url = f"{self._product.rstrip('/')}/wechat/{account.app_id}/callback"
        try:
            return self.deliver(url, dict(envelope.query), envelope.body, envelope.content_type)
        except requests.RequestException as problem:
            return 0, str(problem).encode()

    def _record(self, account: Account, openid: str, fields: Fields, pushed: Pushed) -> None:
        self._store.run(
            "INSERT INTO push (app_id, openid, event, body, tries, status, problem, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            account.app_id,
            openid,
            str(fields.get("Event", fields.get("MsgType"))),
            str(dict(fields)),
            pushed.tries,
            pushed.status,
            pushed.problem,
            time.time(),
        )

    def _show(self, account: Account, openid: str, fields: Fields, pushed: Pushed) -> None:
        """The reply, or WeChat's own excuse where a person waits for one, into the chat."""
        if pushed.reply is not None:
            keep(
                self._store,
                Message(account.app_id, openid, Channel.REPLY, pushed.reply, time.time()),
            )
        elif pushed.problem and fields.get("MsgType") != "event":
            note(self._store, openid, account.app_id, _OUT_OF_ORDER, now=time.time())


def post_to_product(
    url: str, query: dict[str, str], body: bytes, content_type: str
) -> tuple[int, bytes]:
    """The ordinary road of a push."""
    answer = requests.post(
        url,
        params=query,
        data=body,
        headers={"Content-Type": content_type, "User-Agent": "Mozilla/4.0"},
        timeout=TIMEOUT_SECONDS,
    )
    return answer.status_code, answer.content


def _forged(envelope: Envelope) -> Envelope:
    names = [name for name in ("signature", "msg_signature") if name in envelope.query]
    return replace(envelope, query=envelope.query | dict.fromkeys(names, "0" * 40))
