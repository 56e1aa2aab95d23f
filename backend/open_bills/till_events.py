"""收银事件: what a store's till is told, written beside the fact, read in one order for ever.

Row ids are given before commit, so that a higher one may be seen first; a till that went on after
it would never see the lower. Therefore whoever reads numbers the rows that have no number yet:
``seq``, per store, unique. A number can only be given on top of one that is stored already, so a
till that has seen ``n`` has seen, or will never be owed, everything below. Redemptions by verifiers
become events the same way, when a till of the store looks: redeeming writes nothing more for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue
from sqlalchemy import ColumnElement, String, cast, insert, literal, select, update

from backend import tenancy
from backend.coupons.models import Coupon, TemplateRevision
from backend.coupons.numbers import coupon_numbers
from backend.database import MetAnother, changed, db, table_of, transactional
from backend.open_bills.models import TillEvent, TillNumbers
from backend.redemption.models import Redemption

PAID, STRAY, REFUNDED, REFUND_FAILED, MISMATCH, REDEEMED, IDENTIFIED = (
    "paid",
    "stray",
    "refunded",
    "refund_failed",
    "mismatch",
    "redeemed",
    "identified",
)
"""``stray``: paid too late, goes back by itself. ``refund_failed``: WeChat Pay cannot give it back
to the guest, staff must. ``mismatch``: paid, but not as it was asked for: staff must look."""

PASSING = (STRAY, REFUNDED, REFUND_FAILED, MISMATCH, REDEEMED, IDENTIFIED)
"""What is swept in the end; how a bill was paid is asked for years later."""

LOOKS_BACK = timedelta(hours=24)
"""How far a look goes that says nothing of what it has seen, and how old a redemption may be."""

_events, _redemptions = table_of(TillEvent), table_of(Redemption)
_numbers = table_of(TillNumbers)
_coupons, _revisions = table_of(Coupon), table_of(TemplateRevision)


@dataclass(frozen=True)
class Event:
    """One event as told; ``seq`` is its id to the till."""

    seq: int
    kind: str
    at: datetime
    content: Mapping[str, Any]


@dataclass(frozen=True)
class PaidBy:
    """How a bill was paid by phone; without ``payment`` there was nothing left to pay."""

    quote_code: str
    member_id: int
    amount_fen: int
    payment: str | None


def tell(
    store_id: int, kind: str, *, subject: str, content: Mapping[str, JsonValue], now: datetime
) -> None:
    """Write an event beside the fact it tells."""
    db.session.connection().execute(
        insert(_events).values(
            merchant_id=tenancy.merchant_id(),
            store_id=store_id,
            kind=kind,
            subject=subject,
            content=dict(content),
            at=now,
        )
    )


def events_after(
    store_id: int,
    after: int | None,
    *,
    limit: int = 100,
    since: timedelta = LOOKS_BACK,
    now: datetime,
) -> list[Event]:
    """What happened after ``after``, in order; without it, in the last 24 hours. ``since``: how
    old a redemption may be to become an event now.

    After a restore a till may have seen a higher number than any here: it is told the last 24
    hours too, rather than nothing until the numbers have caught up.
    """
    if _unnumbered(store_id) or _untold(store_id, since=since, now=now):
        _number(store_id, since=since, now=now)
    if after is not None:
        found = _numbered(store_id, _events.c.seq > after, limit)
        if found or after <= newest(store_id):
            return found
    return _numbered(store_id, _events.c.at > now - LOOKS_BACK, limit)


def _numbered(store_id: int, newer: ColumnElement[bool], limit: int) -> list[Event]:
    rows = db.session.connection().execute(
        select(_events.c.seq, _events.c.kind, _events.c.at, _events.c.content)
        .where(
            _events.c.merchant_id == tenancy.merchant_id(),
            _events.c.store_id == store_id,
            _events.c.seq.is_not(None),
            newer,
        )
        .order_by(_events.c.seq)
        .limit(limit)
    )
    return [Event(*row) for row in rows]


def newest(store_id: int) -> int:
    """The highest number that was given, 0 before the first; its event may be swept."""
    found = db.session.connection().scalar(
        select(_numbers.c.given).where(
            _numbers.c.merchant_id == tenancy.merchant_id(), _numbers.c.store_id == store_id
        )
    )
    return int(found or 0)


def paid_by(store_id: int, bill_id: int) -> PaidBy | None:
    """How the open bill was paid, if it was."""
    content = _told(store_id, PAID, bill_subject(bill_id))
    if content is None:
        return None
    return PaidBy(
        content["quote_id"], content["member_id"], content["amount_fen"], content["payment"]
    )


def put_aside(store_id: int, bill_id: int, *, known_as: str) -> None:
    """The bill was paid, but no longer is: that it was stays told under another subject."""
    changed(
        update(_events)
        .where(
            _events.c.merchant_id == tenancy.merchant_id(),
            _events.c.store_id == store_id,
            _events.c.kind == PAID,
            _events.c.subject == bill_subject(bill_id),
        )
        .values(subject=f"{bill_subject(bill_id)}-{known_as}")
    )


def identified_by(store_id: int, subject: str) -> int | None:
    """The member who scanned the till's code, if somebody has."""
    content = _told(store_id, IDENTIFIED, subject)
    return None if content is None else int(content["member_id"])


def was_told(store_id: int, kind: str, *, subject: str) -> bool:
    """Whether the till was told this."""
    return _told(store_id, kind, subject) is not None


def bill_subject(bill_id: int) -> str:
    """An open bill as the subject of its events."""
    return f"bill-{bill_id}"


def _told(store_id: int, kind: str, subject: str) -> dict[str, Any] | None:
    content: dict[str, Any] | None = db.session.connection().scalar(
        select(_events.c.content).where(
            _events.c.merchant_id == tenancy.merchant_id(),
            _events.c.store_id == store_id,
            _events.c.kind == kind,
            _events.c.subject == subject,
        )
    )
    return content


@transactional
def _number(store_id: int, *, since: timedelta, now: datetime) -> None:
    """Two readers who give the same number meet on the unique key; one of them looks again."""
    for untold in _untold(store_id, since=since, now=now):
        tell(store_id, REDEEMED, subject=str(untold.id), content=_content(untold), now=untold.at)
    last, unnumbered = newest(store_id), _unnumbered(store_id)
    for seq, event_id in enumerate(unnumbered, last + 1):
        named = update(_events).where(
            _events.c.merchant_id == tenancy.merchant_id(),
            _events.c.id == event_id,
            _events.c.seq.is_(None),
        )
        if not changed(named.values(seq=seq)):
            raise MetAnother("another reader numbered it")
    if unnumbered:
        _gave(store_id, last + len(unnumbered), after=last)


def _gave(store_id: int, given: int, *, after: int) -> None:
    mine = {"merchant_id": tenancy.merchant_id(), "store_id": store_id}
    if not after:
        db.session.connection().execute(insert(_numbers).values(mine | {"given": given}))
        return
    raised = update(_numbers).where(
        _numbers.c.merchant_id == mine["merchant_id"],
        _numbers.c.store_id == store_id,
        _numbers.c.given == after,
    )
    if not changed(raised.values(given=given)):
        raise MetAnother("another reader gave the same numbers")


def _unnumbered(store_id: int) -> list[int]:
    return list(
        db.session.connection().scalars(
            select(_events.c.id)
            .where(
                _events.c.merchant_id == tenancy.merchant_id(),
                _events.c.store_id == store_id,
                _events.c.seq.is_(None),
            )
            .order_by(_events.c.id)
        )
    )


def _untold(store_id: int, *, since: timedelta, now: datetime) -> list[Any]:
    """Redemptions by verifiers at this store that are no events yet."""
    told = _events.alias("told")
    return list(
        db.session.connection().execute(
            select(
                _redemptions.c.id,
                _redemptions.c.coupon_id,
                _coupons.c.voucher_id,
                _redemptions.c.at,
                _redemptions.c.by,
                _revisions.c.title,
            )
            .join(_coupons, _coupons.c.id == _redemptions.c.coupon_id)
            .join(_revisions, _revisions.c.id == _coupons.c.revision_id)
            .outerjoin(
                told,
                (told.c.store_id == _redemptions.c.store_id)
                & (told.c.kind == literal(REDEEMED))
                & (told.c.subject == cast(_redemptions.c.id, String(64))),
            )
            .where(
                _redemptions.c.merchant_id == tenancy.merchant_id(),
                _redemptions.c.at > now - since,
                _redemptions.c.store_id == store_id,
                _redemptions.c.verifier_id.is_not(None),
                told.c.id.is_(None),
            )
            .order_by(_redemptions.c.at, _redemptions.c.id)
            .limit(500)
        )
    )


def _content(redemption: Any) -> dict[str, JsonValue]:  # noqa: ANN401
    return {
        "redemption_id": redemption.id,
        "number": coupon_numbers().of(redemption.coupon_id, redemption.voucher_id),
        "title": redemption.title,
        "by": redemption.by,
    }
