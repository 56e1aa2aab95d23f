"""扫码付 inside WeChat: the table's bill, the best offer chosen already, 微信支付, and 已支付."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backend import clock, deployment
from backend.errors import DomainError
from backend.open_bills import queries
from backend.open_bills.guest import guest_of
from backend.open_bills.paying import Paying, pay
from backend.open_bills.promise import quote_for
from backend.open_bills.show import Shown, bill_at_table, show
from backend.sales.quote import Quoted
from backend.wechat.login import is_played
from miniprogram_api.customer.tokens import Customer
from miniprogram_api.h5.blueprint import blueprint
from miniprogram_api.h5.login import form_token, refuse_foreign_form, require_h5_customer
from miniprogram_api.limits import Limit, spend


@dataclass(frozen=True)
class Choice:
    """One of the guest's coupons on the page: what it takes off here, or why it does not."""

    number: str
    title: str
    reduction_fen: int
    is_chosen: bool
    reason: str | None


@blueprint.get("/tables/<code>")
def table_page(code: str) -> ResponseReturnValue:
    """台码: on to what lies on the table now."""
    require_h5_customer(queries.merchant_of_table(code))
    return redirect(url_for("h5.bill_page", token=bill_at_table(code)))


@blueprint.get("/bills/<token>")
def bill_page(token: str) -> ResponseReturnValue:
    """账单."""
    customer = require_h5_customer(queries.merchant_of_bill(token))
    return _page(token, customer)


@blueprint.get("/bills/<token>/state")
def bill_state(token: str) -> ResponseReturnValue:
    """What the page asks while it waits; it reads the page anew when this changes."""
    require_h5_customer(queries.merchant_of_bill(token))
    return jsonify(state=queries.by_token(token).state)


@blueprint.post("/bills/<token>")
def choose_or_pay(token: str) -> ResponseReturnValue:
    """换券, or 微信支付 at the price shown."""
    customer = require_h5_customer(queries.merchant_of_bill(token))
    refuse_foreign_form()
    if request.form.get("deed") != "pay":
        return _page(token, customer, chosen=request.form.getlist("coupon")[:100])
    guest = guest_of(customer.member_ids, customer.wechat_user_id)
    try:
        spend(Limit.WECHAT, customer.caller)
        paying = pay(token, request.form.get("quote", ""), guest=guest, now=clock.now())
    except DomainError as refusal:
        return _page(token, customer, refusal=refusal), refusal.http_status
    return _page(token, customer, paying=paying)


def _page(
    token: str,
    customer: Customer,
    *,
    chosen: Sequence[str] | None = None,
    paying: Paying | None = None,
    refusal: DomainError | None = None,
) -> str:
    now = clock.now()
    said = show(token, member_ids=customer.member_ids, now=now)
    is_mine = said.paying is not None and said.paying.is_me
    asks_anew = chosen is not None or refusal is not None or "again" in request.args
    quoted = said.best if asks_anew or not is_mine else None
    if chosen is not None and quoted is not None:
        quoted = quote_for(said.bill, member_ids=customer.member_ids, chosen=chosen, now=now)
    return render_template(
        "h5/bill.html",
        shown=said,
        quoted=quoted,
        choices=_choices(said, quoted),
        by_hand=chosen is not None,
        paying=paying,
        refusal=refusal,
        token=form_token(),
        wechat=deployment.wechat_api() if is_played() else None,
    )


def _choices(said: Shown, quoted: Quoted | None) -> list[Choice]:
    """All that the guest holds, what may be used first; a choice by hand says what clashes."""
    if said.best is None or quoted is None:
        return []
    used = {each.coupon.number: each.reduction.total_fen for each in quoted.price.chosen}
    clashes = {each.coupon.number: each.refusal for each in quoted.price.candidates if each.refusal}
    choices = []
    for each in said.best.price.candidates:
        number = each.coupon.number
        refusal = each.refusal or clashes.get(number)
        choices.append(
            Choice(
                number,
                each.coupon.title,
                used.get(number, each.reduction.total_fen),
                is_chosen=number in used,
                reason=None if refusal is None else refusal.message,
            )
        )
    return sorted(choices, key=lambda choice: (not choice.is_chosen, choice.reason is not None))
