"""识别页 behind the code that a till shows: opening it says who the guest is."""

from flask import render_template

from backend import clock
from backend.open_bills.till_scan import merchant_of, scanned
from miniprogram_api.h5.blueprint import blueprint
from miniprogram_api.h5.login import require_h5_customer


@blueprint.get("/tills/<code>")
def till_page(code: str) -> str:
    """会员识别: the guest has scanned with their own WeChat, which is all the till needs."""
    now = clock.now()
    customer = require_h5_customer(merchant_of(code, now=now))
    store = scanned(code, member_id=customer.member_id, now=now)
    return render_template("h5/identified.html", store=store)
