"""查券: the coupon of a scan, and whether it may be used. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.coupons import qr
from backend.coupons.applicability import UseFacts, verdict
from backend.coupons.bill import BillLine
from backend.coupons.errors import CouponNotFound
from backend.coupons.numbers import meant_by, read_scan
from backend.keys import purpose_key
from backend.members.queries import ids_of
from backend.merchants.queries import Place
from backend.redemption import facts
from backend.redemption.facts import CouponFacts


def find(scan: str, *, now: datetime) -> CouponFacts:
    """The coupon of a QR's text, a barcode reading, a typed number, or a mall's own voucher.

    A forged code, an unknown number, a voucher that is not linked (S1-03) and another merchant's
    coupon are the same CouponNotFound; an old code is QrExpired; a code made before the coupon
    changed hands is dead.
    """
    meant = _meant(scan, now=now)
    coupon = None
    if meant.coupon_id is not None:
        coupon = facts.coupon(meant.coupon_id)
    elif meant.voucher_id is not None:
        coupon = facts.coupon_of_voucher(meant.voucher_id)
    return _sure(coupon, meant)


def of_bill(
    scans: Sequence[str], *, quoted: Sequence[int], bill: str, now: datetime
) -> tuple[list[CouponFacts], list[CouponFacts]]:
    """The coupons of a quote and of these scans, as ``find``; and the others that the bill, by its
    spelling in locks, still holds."""
    meant = [_meant(scan, now=now) for scan in scans]
    rows = [each.coupon_id for each in meant if each.coupon_id is not None]
    vouchers = [each.voucher_id for each in meant if each.voucher_id is not None]
    known = facts.of_bill([*quoted, *rows], vouchers, bill=bill)
    by_row = {coupon.id: coupon for coupon in known}
    by_voucher = {coupon.voucher_id: coupon for coupon in known if coupon.voucher_id is not None}
    named = {row: _sure(by_row.get(row), _Meant(coupon_id=row)) for row in quoted}
    for each in meant:
        found = by_row.get(each.coupon_id or 0) or by_voucher.get(each.voucher_id or 0)
        coupon = _sure(found, each)
        named.setdefault(coupon.id, coupon)
    locked = [
        coupon for coupon in known if coupon.id not in named and coupon.standing.locked_bill == bill
    ]
    return list(named.values()), locked


def judge(coupon: CouponFacts, use: UseFacts) -> None:
    """Raise the first refusal in the order of spec/05, if there is one."""
    if refusal := verdict(coupon.promise, coupon.standing, use):
        raise refusal


def use_at(
    here: Place,
    *,
    lines: Sequence[BillLine] | None = None,
    bill: str | None = None,
    at: datetime,
) -> UseFacts:
    """Where, when and on what the coupon is to be used."""
    return UseFacts(
        store_code=here.code, store_name=here.name, at=at, zone=here.zone, lines=lines, bill=bill
    )


@dataclass(frozen=True)
class _Meant:
    """What a scan stands for: a coupon's row, in the hands of a code's ``holder_id``; a voucher's
    row; or else what a mall calls its own voucher."""

    coupon_id: int | None = None
    voucher_id: int | None = None
    holder_id: int | None = None
    text: str = ""


def _meant(scan: str, *, now: datetime) -> _Meant:
    said = read_scan(scan)
    if said.qr is not None:
        code = qr.read(purpose_key("coupon-qr"), said.qr, now=now)
        return _Meant(coupon_id=code.coupon_id, holder_id=code.member_id)
    number = meant_by(scan)
    if number is None:
        return _Meant(text=said.text)
    if number.is_voucher:
        return _Meant(voucher_id=number.row_id, text=said.text)
    return _Meant(coupon_id=number.row_id, text=said.text)


def _sure(coupon: CouponFacts | None, meant: _Meant) -> CouponFacts:
    """The coupon found, or that of the mall's number; CouponNotFound, also for a code of somebody
    who holds it no more."""
    if coupon is None and meant.text:
        coupon = facts.coupon_of_mall(meant.text)
    if coupon is None or not (meant.holder_id is None or _holds(coupon, meant.holder_id)):
        raise CouponNotFound()
    return coupon


def _holds(coupon: CouponFacts, member_id: int) -> bool:
    """A code made for a member who has been joined since still speaks for the survivor."""
    return coupon.holder_id == member_id or coupon.holder_id in ids_of(member_id)
