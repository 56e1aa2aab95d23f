"""每满减券 (S0-19, S0-20): as many steps as the bill has, by one coupon, at the till."""

import pytest
from flask.testing import FlaskClient

from scripts.wechat_platform.server import Platform
from tests.builders import a_template
from tests.journeys.customers import a_grant, enters
from tests.journeys.shops import a_journeys_shop
from tests.miniprogram_api.pos.till import a_bill, a_dish, till_of


@pytest.mark.parametrize(
    ("bill_yuan", "off_yuan"), [(300, 100), (599, 100), (1200, 400), (29999, 9900)]
)
def test_S0_19_S0_20_every_300_minus_100_takes_400_off_1200_and_has_no_end(
    http: FlaskClient, wechat: Platform, bill_yuan: int, off_yuan: int
) -> None:
    shop = a_journeys_shop(wechat)
    rule = {"threshold_fen": 30000, "reduce_fen": 10000}
    a_template(shop, "t300", kind="every_full", rule=rule, title="每满300减100")  # type: ignore[arg-type]
    person = wechat.person()
    a_grant(shop, enters(http, wechat, shop, person).member_id, "t300")
    guest, till = enters(http, wechat, shop, person), till_of(http, shop)
    (number,) = guest.numbers()
    feast = [a_dish("D001", bill_yuan)]
    asked = {"member_id": guest.member_id, "lines": feast, "service_fen": 0}
    quote = till.post("/quotes", asked).get_json()
    assert [(each["number"], each["reduction_fen"]) for each in quote["chosen"]] == [
        (number, off_yuan * 100)
    ]
    to_pay_fen = (bill_yuan - off_yuan) * 100
    who = {"member_id": guest.member_id, "quote_id": quote["quote_id"]}
    bill = a_bill(*feast, cash_fen=to_pay_fen, **who)
    settled = till.post("/bills/B1/settle", bill)
    assert (settled.status_code, settled.get_json()["paid_fen"]) == (201, to_pay_fen)
