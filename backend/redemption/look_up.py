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
    said = read_scan(scan)
    if said.qr is None:
        coupon = _numbered(scan) or facts.coupon_of_mall(said.text)
    else:
        code = qr.read(purpose_key("coupon-qr"), said.qr, now=now)
        coupon = facts.coupon(code.coupon_id)
        if coupon is not None and not _holds(coupon, code.member_id):
            raise CouponNotFound()
    if coupon is None:
        raise CouponNotFound()
    return coupon


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


def _numbered(typed: str) -> CouponFacts | None:
    meant = card_pack.meant_by(typed)
    if meant is None:
        return None
    if meant.is_voucher:
        return facts.coupon_of_voucher(meant.row_id)
    return facts.coupon(meant.row_id)


def _holds(coupon: CouponFacts, member_id: int) -> bool:
    """A code made for a member who has been joined since still speaks for the survivor."""
    return coupon.holder_id == member_id or coupon.holder_id in ids_of(member_id)


def _owner(coupon: CouponFacts) -> str:
    known = (coupon.holder_nickname, masked(coupon.holder_phone))
    return " ".join(part for part in known if part) or "微信会员"
