"""扫码识别: the guest scans the code that a till shows."""

from backend import clock
from backend.open_bills.till_scan import scanned
from miniprogram_api.contract import Answer, Body, route
from miniprogram_api.customer.blueprint import blueprint
from miniprogram_api.customer.tokens import current_customer


class ScannedBody(Body):
    """Nothing is asked."""


class ScannedAnswer(Answer):
    """Whose till now knows the guest."""

    store: str


@route(blueprint, "POST", "/till-codes/<code>", body=ScannedBody, answer=ScannedAnswer)
def scan_till(code: str, body: ScannedBody) -> ScannedAnswer:
    """扫码识别: this till may now see who its guest is"""
    member_id = current_customer().member_id
    return ScannedAnswer(store=scanned(code, member_id=member_id, now=clock.now()))
