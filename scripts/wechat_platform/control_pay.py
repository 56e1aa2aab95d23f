"""``/_sim/pay…``: pay as a person, make 商户号, look at orders, spoil notices."""

from dataclasses import asdict

from flask import Blueprint

from scripts.wechat_platform.calls import JsonObject, json_body
from scripts.wechat_platform.pay_accounts import new_pay_account
from scripts.wechat_platform.pay_notices import NoticeSpoil
from scripts.wechat_platform.pay_orders import all_orders, pay
from scripts.wechat_platform.pay_refunds import all_refunds
from scripts.wechat_platform.people import person_with_id
from scripts.wechat_platform.world import this_world

blueprint = Blueprint("control_pay", __name__, url_prefix="/_sim")

Answer = JsonObject | tuple[JsonObject, int]


@blueprint.errorhandler(KeyError)
@blueprint.errorhandler(TypeError)
@blueprint.errorhandler(ValueError)
def _wrong(problem: Exception) -> Answer:
    return {"error": f"missing or unknown: {problem}"}, 400


@blueprint.post("/pay-accounts")
def make_account() -> Answer:
    """``{mch_id, name?, apps?: [app_id]}`` → what the product's ``wechat_pay`` takes."""
    body = json_body()
    apps = body.get("apps")
    made = new_pay_account(
        this_world().store,
        str(body["mch_id"]),
        name=str(body.get("name", "")),
        apps=tuple(map(str, apps)) if isinstance(apps, list) else None,
    )
    return asdict(made), 201


@blueprint.post("/pay")
def do_pay() -> Answer:
    """``{person, prepay_id}`` → what became of the notice."""
    body, world = json_body(), this_world()
    person = person_with_id(world.store, str(body["person"]))
    if person is None:
        raise KeyError(f"person {body['person']}")
    return {"notice": asdict(pay(world, person, str(body["prepay_id"])))}


@blueprint.get("/payments")
def payments() -> Answer:
    """Orders, refunds and notices, oldest first."""
    world = this_world()
    return {
        "orders": [asdict(order) for order in all_orders(world.store)],
        "refunds": [asdict(made) for made in all_refunds(world.store)],
        "notices": [asdict(told) for told in world.notices.all()],
    }


@blueprint.post("/notice-faults")
def spoil_notices() -> Answer:
    """``{duplicates?, wrong_signature?, age?, times?}`` for the next notices."""
    spoil = NoticeSpoil(**json_body())  # type: ignore[arg-type]
    this_world().notices.spoil(spoil)
    return asdict(spoil), 201


@blueprint.post("/refund-ends")
def end_refunds() -> Answer:
    """``{state: SUCCESS | CLOSED | ABNORMAL}``: how the next refund ends."""
    this_world().refund_ends.append(str(json_body()["state"]))
    return {}, 201
