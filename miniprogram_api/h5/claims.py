"""领取页 behind the code on a receipt or at the till: what it gives, 立即领取, and how it went."""

from datetime import datetime

from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue

from backend import clock
from backend.campaigns import links
from backend.campaigns.errors import AlreadyClaimed, ClaimIsAnothers, ClaimLapsed
from backend.card_pack import behind_link
from backend.errors import DomainError
from miniprogram_api.customer.tokens import Customer
from miniprogram_api.h5.blueprint import blueprint
from miniprogram_api.h5.faces import cards_of
from miniprogram_api.h5.login import (
    form_token,
    is_form_token,
    refuse_foreign_form,
    require_h5_customer,
)


@blueprint.get("/claims/<code>")
def claim_page(code: str) -> ResponseReturnValue:
    """The coupons first; whoever came back from being asked for their unionid has claimed."""
    merchant_id = links.merchant_of(code)
    customer, now = require_h5_customer(merchant_id), clock.now()
    if is_form_token(request.args.get("go")):
        return _claimed(code, customer, now=now)
    try:
        return _page(code, customer, now=now)
    except ClaimIsAnothers:
        require_h5_customer(merchant_id, across_apps=True)
        raise


@blueprint.post("/claims/<code>")
def claim(code: str) -> ResponseReturnValue:
    """立即领取."""
    customer = require_h5_customer(links.merchant_of(code), across_apps=True)
    refuse_foreign_form()
    return _claimed(code, customer, now=clock.now())


def _claimed(code: str, customer: Customer, *, now: datetime) -> ResponseReturnValue:
    try:
        links.claim(code, member_id=customer.member_id, now=now)
    except (AlreadyClaimed, ClaimLapsed) as refusal:
        return make_response(_page(code, customer, refusal=refusal, now=now), refusal.http_status)
    return _page(code, customer, just_claimed=True, now=now)


def _page(
    code: str,
    customer: Customer,
    *,
    just_claimed: bool = False,
    refusal: DomainError | None = None,
    now: datetime,
) -> str:
    link = behind_link.shown(code, member_id=customer.member_id, now=now)
    return render_template(
        "h5/claim.html",
        link=link,
        cards=cards_of(link.mine or link.promised),
        just_claimed=just_claimed,
        refusal=refusal,
        token=form_token(),
    )
