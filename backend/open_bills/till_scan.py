"""扫码识别 (S2-45): the till shows a code, the guest scans it, the till knows who it is.

The code says the store and its end; who scanned it first is an event of the store's till.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backend import deployment, tenancy
from backend.coupons import qr
from backend.coupons.qr import QrToken
from backend.database import db, transactional
from backend.errors import Conflict, NotFound
from backend.keys import purpose_key
from backend.members.queries import survivor_id
from backend.merchants.models import Store
from backend.merchants.queries import Place
from backend.open_bills import till_events

_TURNS = 2**40
_SUBJECT_LENGTH = 64


class TillCodeUnknown(NotFound):
    """Not made by us, or another merchant's."""

    code = "TILL_CODE_NOT_FOUND"
    message = "识别码不存在"


class TillCodeTaken(Conflict):
    """Somebody else was first."""

    code = "TILL_CODE_TAKEN"
    message = "该识别码已被其他顾客扫过，请收银员重新出示"


class NotScanned(Conflict):
    """The till asks before anybody has scanned."""

    code = "NOT_SCANNED"
    message = "顾客还没有扫码"


@dataclass(frozen=True)
class TillCode:
    """识别码 as the till shows it."""

    token: QrToken

    @property
    def address(self) -> str:
        """What the QR holds: PUBLIC_URL/h5/tills/<code>."""
        return f"{deployment.public_url()}/h5/tills/{self.token.text}"


def new_code(here: Place, *, now: datetime) -> TillCode:
    """出示识别码, good for 5 minutes."""
    turn = secrets.randbelow(_TURNS)
    return TillCode(qr.make_till(_key(), store_id=here.store_id, turn=turn, now=now))


def store_of(code: str, *, now: datetime) -> int:
    """The store whose till shows this code; TillCodeUnknown, QrExpired."""
    store_id = qr.read_till(_key(), code, now=now)
    if store_id is None:
        raise TillCodeUnknown()
    return store_id


def merchant_of(code: str, *, now: datetime) -> int:
    """Whose till shows this code, for pages that know nothing else."""
    with tenancy.across_merchants("a till's code names its store, not its merchant"):
        found = db.session.scalar(
            select(Store.merchant_id).where(Store.id == store_of(code, now=now))
        )
    if found is None:
        raise TillCodeUnknown()
    return found


@transactional
def scanned(code: str, *, member_id: int, now: datetime) -> str:
    """The guest has scanned; the store's name. The same guest again is as good as once."""
    store_id = store_of(code, now=now)
    store = tenancy.find(Store, store_id)
    if store is None:
        raise TillCodeUnknown()
    earlier = till_events.identified_by(store_id, _subject(code))
    if earlier is None:
        till_events.tell(
            store_id,
            till_events.IDENTIFIED,
            subject=_subject(code),
            content={"scan_id": code, "member_id": member_id},
            now=now,
        )
    elif survivor_id(earlier) != survivor_id(member_id):
        raise TillCodeTaken()
    return store.name


def who_scanned(code: str, *, here: Place) -> int:
    """The member who scanned the code of this store's till; NotScanned before."""
    found = till_events.identified_by(here.store_id, _subject(code))
    if found is None:
        raise NotScanned()
    return found


def _subject(code: str) -> str:
    return code[-_SUBJECT_LENGTH:]


def _key() -> bytes:
    return purpose_key("till-code")
