"""微信支付 on the phone: the pay sheet, what waits to be paid, and the bill of what was."""

from contextlib import suppress

from flask import Blueprint, abort, redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from scripts.wechat_platform.calls import JsonObject, json_body
from scripts.wechat_platform.pay_accounts import known_pay_account
from scripts.wechat_platform.pay_errors import PayError
from scripts.wechat_platform.pay_orders import Order, State, opened_sheet, orders_of, pay
from scripts.wechat_platform.people import Person, person_with_id
from scripts.wechat_platform.store import Store
from scripts.wechat_platform.world import this_world

blueprint = Blueprint("phone_pay", __name__, url_prefix="/phone/<person_id>/pay")


@blueprint.get("")
def bills(person_id: str) -> str:
    """待支付 and 账单: also what a page outside this phone asked to be paid."""
    world, person = this_world(), _person(person_id)
    orders = [(order, _merchant(world.store, order)) for order in orders_of(world, person)]
    waiting = [entry for entry in orders if entry[0].state is State.NOTPAY]
    paid = [entry for entry in orders if entry[0].paid_at is not None]
    return render_template(
        "pay.html", person=person, phone=f"/phone/{person.id}", waiting=waiting, paid=paid
    )


@blueprint.post("/<prepay_id>")
def pay_waiting(person_id: str, prepay_id: str) -> AnyResponse:
    """确认支付 on that page; what can no longer be paid is simply gone from it."""
    person = _person(person_id)
    with suppress(PayError):
        pay(this_world(), person, prepay_id)
    return redirect(f"/phone/{person.id}/pay")


@blueprint.post("/sheet")
def sheet(person_id: str) -> JsonObject:
    """wx.requestPayment's parameters → ``{amount_fen, merchant, description, prepay_id}``."""
    _person(person_id)
    params = {name: str(value) for name, value in json_body().items()}
    try:
        order = opened_sheet(this_world(), params)
    except PayError as problem:
        return {"status": problem.status, "body": problem.answer()}
    body = {
        "amount_fen": order.total,
        "merchant": _merchant(this_world().store, order),
        "description": order.description,
        "prepay_id": order.prepay_id,
    }
    return {"status": 200, "body": body}


@blueprint.post("/confirm")
def confirm(person_id: str) -> JsonObject:
    """``{prepay_id}``."""
    person, prepay_id = _person(person_id), str(json_body().get("prepay_id"))
    try:
        pay(this_world(), person, prepay_id)
    except PayError as problem:
        return {"status": problem.status, "body": problem.answer()}
    return {"status": 200, "body": {}}


def _merchant(store: Store, order: Order) -> str:
    return known_pay_account(store, order.mch_id).name


def _person(person_id: str) -> Person:
    person = person_with_id(this_world().store, person_id)
    if person is None:
        abort(404)
    return person
