"""支付通知 and 退款通知: told to the notify address of the order until it answers 2xx.

WeChat Pay's own schedule, scaled; every try is signed anew. Some can be spoilt on purpose.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import requests

from scripts.wechat_platform.pay_accounts import PayAccount
from scripts.wechat_platform.pay_signing import sealed, signed_headers
from scripts.wechat_platform.store import Store

DeliverNotice = Callable[[str, dict[str, str], bytes], tuple[int, bytes]]

SCHEDULE = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
TIMEOUT_SECONDS = 5
_SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class NoticeSpoil:
    """What goes wrong with the next notices; ``age``: signed so many seconds ago."""

    duplicates: int = 0
    wrong_signature: bool = False
    age: float = 0.0
    times: int = 1


@dataclass(frozen=True)
class Told:
    """One notice: how often it was tried, and the last status (0: nobody answered)."""

    id: str
    mch_id: str
    subject: str
    event_type: str
    tries: int
    status: int
    done: bool


class Notices:
    """``tell`` stores a notice; it is sent at once or, ``after`` a while, by ``send_waiting``.

    In the background a thread sends what falls due; it goes on after a restart.
    """

    def __init__(
        self,
        store: Store,
        *,
        deliver: DeliverNotice,
        product: str | None,
        in_background: bool,
        retry_pause: float,
    ) -> None:
        self._store = store
        self.deliver = deliver
        self._product = product
        self._scale = retry_pause / SCHEDULE[0]
        self._spoils: list[NoticeSpoil] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.before_sending: Callable[[str], None] = lambda subject: None
        self._store.run("UPDATE pay_notice SET due_at=? WHERE done=0", time.time())
        self._thread = threading.Thread(target=self._keep_sending, name="pay-notices", daemon=True)
        if in_background:
            self._thread.start()

    def tell(
        self,
        account: PayAccount,
        url: str,
        event_type: str,
        resource: Mapping[str, object],
        *,
        subject: str,
        after: float | None = None,
    ) -> Told:
        """A notice about ``subject`` (an order's or refund's number)."""
        kind = "transaction" if event_type.startswith("TRANSACTION") else "refund"
        body = {
            "id": str(uuid.uuid4()),
            "create_time": rfc3339(time.time()),
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": "支付成功" if kind == "transaction" else "退款通知",
            "resource": sealed(account, resource, kind=kind),
        }
        notice_id = str(body["id"])
        self._store.run(
            "INSERT INTO pay_notice (id, mch_id, subject, event_type, url, body, due_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            notice_id,
            account.mch_id,
            subject,
            event_type,
            url,
            json.dumps(body, ensure_ascii=False),
            time.time() + (after or 0.0),
        )
        if after is None:
            self._send(notice_id)
        return self.told(notice_id)

    def told(self, notice_id: str) -> Told:
        return next(one for one in self.all() if one.id == notice_id)

    def all(self) -> list[Told]:
        rows = self._store.rows("SELECT * FROM pay_notice ORDER BY rowid")
        names = ("id", "mch_id", "subject", "event_type", "tries", "status")
        return [Told(**{name: row[name] for name in names}, done=bool(row["done"])) for row in rows]

    def send_waiting(self, *, due_by: float | None = None) -> int:
        """Send all that is not done yet (or due by then) once more; how many."""
        rows = self._store.rows(
            "SELECT id FROM pay_notice WHERE done=0 AND due_at<=? ORDER BY rowid",
            due_by if due_by is not None else 1e12,
        )
        for row in rows:
            self._send(row["id"])
        return len(rows)

    def spoil(self, spoil: NoticeSpoil) -> None:
        with self._lock:
            self._spoils.append(spoil)

    def forget(self) -> None:
        with self._lock:
            self._spoils.clear()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep_sending(self) -> None:
        while not self._stopping.wait(0.1):
            self.send_waiting(due_by=time.time())

    def _send(self, notice_id: str) -> None:
        """Take it, so that nobody else sends it meanwhile; a try more, and when the next is due."""
        taken = self._store.run(
            "UPDATE pay_notice SET due_at=NULL WHERE id=? AND due_at IS NOT NULL", notice_id
        )
        row = self._store.row("SELECT * FROM pay_notice WHERE id=?", notice_id)
        if not taken or row is None:
            return
        self.before_sending(row["subject"])
        spoil = self._next_spoil()
        status = 0
        for _ in range(1 + spoil.duplicates):
            status = self._try(row["url"], row["body"].encode(), spoil)
        tries, done = row["tries"] + 1, 200 <= status < 300
        pause = SCHEDULE[tries - 1] * self._scale if tries <= len(SCHEDULE) else None
        self._store.run(
            "UPDATE pay_notice SET tries=?, status=?, done=?, due_at=? WHERE id=?",
            tries,
            status,
            int(done),
            None if done or pause is None else time.time() + pause,
            notice_id,
        )

    def _try(self, url: str, body: bytes, spoil: NoticeSpoil) -> int:
        headers = signed_headers(body, at=time.time() - spoil.age, wrongly=spoil.wrong_signature)
        headers |= {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0"}
        if self._product:
            url = self._product.rstrip("/") + urlsplit(url).path
        try:
            return self.deliver(url, headers, body)[0]
        except requests.RequestException:
            return 0

    def _next_spoil(self) -> NoticeSpoil:
        with self._lock:
            if not self._spoils:
                return NoticeSpoil()
            spoil = self._spoils.pop(0)
            if spoil.times > 1:
                self._spoils.insert(0, replace(spoil, times=spoil.times - 1))
            return spoil


def post_notice(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    """The ordinary road of a notice."""
    answer = requests.post(url, data=body, headers=headers, timeout=TIMEOUT_SECONDS)
    return answer.status_code, answer.content


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, _SHANGHAI).isoformat(timespec="seconds")


def as_json(told: Told) -> dict[str, object]:
    return asdict(told)
