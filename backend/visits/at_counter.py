"""收银识别会员: by phone, card or member code. It counts as the member's login (S3-25)."""

from dataclasses import dataclass
from datetime import datetime

from backend.campaigns import grants
from backend.card_pack import queries as card_pack
from backend.card_pack.view import CouponView
from backend.coupons import qr
from backend.coupons.numbers import read_scan
from backend.database import transactional
from backend.errors import FieldError, ParamError
from backend.keys import purpose_key
from backend.members import identify as members
from backend.members import queries, recognise
from backend.members.errors import CardNotFound, MemberNotFound
from backend.members.models import Member
from backend.members.view import MemberView, member_view
from backend.points import registration


@dataclass(frozen=True)
class Visit:
    """Who stands at the till, with what they hold and what coming brought them."""

    member: MemberView
    coupons: list[CouponView]
    claimed: list[CouponView]


@transactional
def identify(
    *,
    phone: str | None = None,
    card: str | None = None,
    scan: str | None = None,
    openid: str | None = None,
    member_id: int | None = None,
    now: datetime,
) -> Visit:
    """识别. Exactly one of them; ``scan`` is a dynamic member code, or a card's barcode;
    ``member_id`` has said who they are by scanning the till's code."""
    member = _member(phone, card, scan, openid, member_id, now=now)
    if recognise.register_at_login(member, now=now):
        registration.welcome(member.id, now=now)
    claimed = grants.claim_open(member.id, now=now)
    held = card_pack.coupons_of(queries.ids_of(member.id), limit=1000, now=now).items
    return Visit(member_view(member.id), held, _among(held, claimed, now=now))


def member_code(member_id: int, *, now: datetime) -> qr.QrToken:
    """动态会员码, good for 60 s."""
    return qr.make_member(purpose_key("member-qr"), member_id=member_id, now=now)


def by_member_code(text: str, *, now: datetime) -> Member:
    """The member a dynamic code stands for; QrExpired when old."""
    return queries.survivor(qr.read_member(purpose_key("member-qr"), text, now=now))


def _among(held: list[CouponView], claimed: list[int], *, now: datetime) -> list[CouponView]:
    """What was claimed, as it was just read with the rest; only what is not there is read."""
    known = {coupon.id: coupon for coupon in held}
    known |= {
        coupon.id: coupon
        for coupon in card_pack.by_ids([id for id in claimed if id not in known], now=now)
    }
    return [known[coupon_id] for coupon_id in claimed]


def _scanned(said: str, now: datetime) -> Member:
    """A member code or a card's barcode; anything else names nobody."""
    if said.startswith(qr.MEMBER_MARK):
        return by_member_code(said, now=now)
    try:
        return members.by_card(said)
    except CardNotFound:
        raise MemberNotFound() from None


def _member(
    phone: str | None,
    card: str | None,
    scan: str | None,
    openid: str | None,
    member_id: int | None,
    *,
    now: datetime,
) -> Member:
    match (phone, card, scan, openid, member_id):
        case (str(), None, None, None, None):
            return members.by_phone(phone)
        case (None, str(), None, None, None):
            return members.by_card(card)
        case (None, None, str(), None, None):
            return _scanned(read_scan(scan).text, now)
        case (None, None, None, str(), None):
            return members.by_openid(openid)
        case (None, None, None, None, int()):
            return queries.survivor(member_id)
    message = "手机号、卡号、会员码、openid、识别码须填且只填一项"
    raise ParamError(errors=[FieldError(field="phone", message=message)])
