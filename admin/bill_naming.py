"""补记会员 on a bill's page: who it was is found by phone or card, seen masked, and confirmed."""

from collections.abc import Mapping

from flask import flash, request

from admin import access
from admin.rights import Right
from backend import clock
from backend.errors import DomainError
from backend.members import identify
from backend.members.errors import MemberNotFound
from backend.members.view import MemberView, member_view
from backend.open_bills.queries import place_of
from backend.sales.models import Bill
from backend.sales.naming import LATER_DAYS, is_nameable, name_member

LONGEST_REASON = 200
MOST_TYPED = 80


def facts(bill: Bill) -> Mapping[str, object]:
    """What the page shows to who may: the search, who was found, or that it is too late; nothing
    where there is nothing left to count."""
    is_over = bill.member_id is not None or 0 < bill.paid_fen <= bill.refunded_fen
    if is_over or not access.may(Right.NAME_GUESTS):
        return {"naming": None}
    zone, now = access.shop().zone, clock.now()
    said = request.args.get("guest", "").strip()[:MOST_TYPED]
    is_open = is_nameable(bill.settled_at, later=True, zone=zone, now=now)
    return {
        "naming": {
            "is_open": is_open,
            "days": LATER_DAYS,
            "said": said,
            "found": _found(said) if said and is_open else None,
            "longest": LONGEST_REASON,
        }
    }


def name(bill: Bill) -> None:
    """补记 as the form says: who was found and shown, and why; told in a flash."""
    said = request.form.get("guest", "").strip()[:MOST_TYPED]
    reason = request.form.get("reason", "").strip()
    if not 0 < len(reason) <= LONGEST_REASON:
        flash(f"请写明补记的原因，最多 {LONGEST_REASON} 字", "error")
        return
    person = _found(said)
    if person is None:
        return
    if str(person.id) != request.form.get("member"):
        flash("会员与刚才看到的不同，请重新查找", "error")
        return
    try:
        done = name_member(
            bill.number,
            person.id,
            here=place_of(bill.store_id),
            by=access.desk().actor,
            origin=request.remote_addr or "",
            later=True,
            reason=reason,
            now=clock.now(),
        )
    except DomainError as refusal:
        flash(refusal.message, "error")
        return
    gift = "；消费赠券的领取码在小票上，可在收银台补打" if done.gift else ""
    flash(f"已补记会员，本单获得 {done.points_earned:,} 积分{gift}")


def _found(said: str) -> MemberView | None:
    try:
        return member_view(identify.by_phone_or_card(said).id)
    except MemberNotFound:
        flash("没有这个手机号或卡号的会员，请核对后再查", "error")
    except DomainError as refusal:
        flash(refusal.message, "error")
    return None
