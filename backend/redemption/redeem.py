"""核销: a coupon is used at most once, whatever happens at the same time (C-01)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert

from backend import faults, requesting, tenancy
from backend.calendar import local
from backend.coupons import states
from backend.coupons.applicability import UseFacts
from backend.coupons.bill import BillLine
from backend.coupons.errors import CouponNotFound
from backend.database import MetAnother, after_commit, db, table_of, transactional
from backend.merchants.queries import Place
from backend.messaging import outbox
from backend.messaging.models import Purpose
from backend.redemption import facts
from backend.redemption.facts import CouponFacts
from backend.redemption.look_up import find, judge, use_at
from backend.redemption.models import Redemption, ReportKind
from backend.redemption.voucher_reports import account_of, report

_redemptions = table_of(Redemption)

_NEW = insert(_redemptions)


@dataclass(frozen=True)
class Redeemer:
    """Who redeems: a verifier, or a till (no ``verifier_id``)."""

    name: str
    verifier_id: int | None = None


@dataclass(frozen=True)
class OnBill:
    """The settled bill a coupon was used on, what it took off, and the bill's spelling in locks."""

    bill_id: int
    reduction_fen: int
    redeemed_at: datetime


@dataclass(frozen=True)
class Redeemed:
    """核销记录 as answered; ``at`` in the merchant's zone."""

    id: int
    number: str
    title: str
    store_code: str
    store_name: str
    at: datetime
    by: str


def redeem(
    scan: str,
    *,
    here: Place,
    by: Redeemer,
    lines: Sequence[BillLine] | None = None,
    now: datetime,
) -> Redeemed:
    """核销 without a bill. Refusals are found before anything is locked."""
    coupon, use = find(scan, now=now), use_at(here, lines=lines, at=now)
    judge(coupon, use)
    done = take(coupon, use=use, here=here, by=by, now=now)
    after_commit(lambda: faults.point("redeem.after_commit"))
    return done


@transactional
def take(
    coupon: CouponFacts,
    *,
    use: UseFacts,
    here: Place,
    by: Redeemer,
    on_bill: OnBill | None = None,
    now: datetime,
) -> Redeemed:
    """Use a coupon that was judged good at ``use.at``: state, record, message, in one piece.

    Whoever comes second is told when and where the first one was.
    """
    redeemed = states.redeem(
        coupon.id,
        holder_id=coupon.holder_id,
        judged_at=use.at,
        actor=by.name,
        cause=f"store {here.code}" if on_bill is None else f"bill {on_bill.bill_id}",
        bill=use.bill,
        now=now,
    )
    if not redeemed:
        _say_why(coupon.id, use)
    at = now if on_bill is None else on_bill.redeemed_at
    redemption_id = _record(coupon, here=here, by=by, on_bill=on_bill, at=at)
    report(redemption_id, coupon.voucher_id, ReportKind.REDEEMED, at=at)
    outbox.queue(
        coupon.holder_id,
        Purpose.COUPON_REDEEMED,
        {
            "title": coupon.title,
            "number": coupon.number,
            "store": here.name,
            "merchant": here.merchant_name,
            "time": local(at, here.zone).isoformat(timespec="seconds"),
        },
        dedupe_key=f"redemption-{redemption_id}",
        through=account_of(coupon.voucher_id),
        now=now,
    )
    faults.point("redeem.before_commit")
    return _redeemed(redemption_id, coupon, here=here, by=by.name, at=at)


def _redeemed(
    redemption_id: int, coupon: CouponFacts, *, here: Place, by: str, at: datetime
) -> Redeemed:
    return Redeemed(
        id=redemption_id,
        number=coupon.number,
        title=coupon.title,
        store_code=here.code,
        store_name=here.name,
        at=local(at, here.zone).replace(microsecond=0),
        by=by,
    )


def _say_why(coupon_id: int, use: UseFacts) -> None:
    """The winner's time and store; or, where the coupon is good again by now, try once more."""
    as_it_is = facts.coupon(coupon_id)
    if as_it_is is None:
        raise CouponNotFound()
    judge(as_it_is, use)
    raise MetAnother("the coupon changed between look and use")


def _record(
    coupon: CouponFacts,
    *,
    here: Place,
    by: Redeemer,
    on_bill: OnBill | None,
    at: datetime,
) -> int:
    written = db.session.connection().execute(
        _NEW,
        {
            "merchant_id": tenancy.merchant_id(),
            "coupon_id": coupon.id,
            "live_key": coupon.id,
            "campaign_id": coupon.campaign_id,
            "member_id": coupon.holder_id,
            "store_id": here.store_id,
            "verifier_id": by.verifier_id,
            "bill_id": None if on_bill is None else on_bill.bill_id,
            "reduction_fen": None if on_bill is None else on_bill.reduction_fen,
            "at": at,
            "by": by.name[:80],
            "request_id": requesting.request_id(),
            "undone_by": "",
            "undo_reason": "",
        },
    )
    (redemption_id,) = written.inserted_primary_key or (0,)
    return int(redemption_id)
