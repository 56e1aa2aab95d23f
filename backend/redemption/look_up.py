"""查券: what staff see before they confirm. Writes nothing; refuses exactly as redeeming would."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.coupons import card_pack, qr
from backend.coupons.applicability import UseFacts, verdict, warnings
from backend.coupons.bill import BillLine
from backend.coupons.errors import CouponNotFound
from backend.coupons.kinds import give_text
from backend.coupons.numbers import read_scan
from backend.coupons.view import CouponView
from backend.keys import purpose_key
from backend.members.phones import masked
from backend.members.queries import ids_of
from backend.merchants.queries import Place
from backend.redemption import facts
from backend.redemption.facts import CouponFacts


@dataclass(frozen=True)
class Sheet:
    """核销通知 (S4-23): the coupon, whose it is, what to give and what to look at."""

    coupon: CouponView
    owner: str
    give: str
    warnings: list[str]


def check(
    scan: str, *, here: Place, lines: Sequence[BillLine] | None = None, now: datetime
) -> Sheet:
    """查券 at this store. Without ``lines`` neither dishes nor the minimum are judged."""
    coupon = find(scan, now=now)
    judge(coupon, use_at(here, lines=lines, at=now))
    notes = [coupon.notice] if coupon.notice else []
    return Sheet(
        coupon=seen(coupon.id, now=now),
        owner=_owner(coupon),
        give=give_text(coupon.promise.rule, minimum_fen=coupon.promise.minimum_fen),
        warnings=notes + (warnings(coupon.promise) if lines is None else []),
    )


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


def seen(coupon_id: int, *, now: datetime) -> CouponView:
    """The coupon as answered (spec/08)."""
    for found in card_pack.by_ids([coupon_id], now=now):
        return found
    raise CouponNotFound()


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
    number = card_pack.meant_by(scan)
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


def _owner(coupon: CouponFacts) -> str:
    known = (coupon.holder_nickname, masked(coupon.holder_phone))
    return " ".join(part for part in known if part) or "微信会员"
