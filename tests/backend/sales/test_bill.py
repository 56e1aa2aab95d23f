"""账单's 内容指纹: equal for the same content, whatever a later version may say besides."""

import hashlib
import json
from datetime import UTC, datetime

from backend.coupons.bill import BillLine
from backend.sales.bill import Bill, DishLine, Goods, Method, Tender, lines_key

LINE = BillLine("D001", None, 2, 5000)


def goods(unit: str = "") -> Goods:
    return Goods((DishLine("毛肚", LINE, unit),), service_fen=300)


def bill(unit: str = "") -> Bill:
    settled_at = datetime(2026, 11, 23, tzinfo=UTC)
    return Bill("B1", goods(unit), (Tender(Method.CASH, 10300),), settled_at)


def test_a_till_that_says_no_unit_has_the_key_it_had_before_there_were_units() -> None:
    line = {
        "dish": "D001", "category": None, "quantity": 2, "price_fen": 5000, "discounted": False,
    }  # fmt: skip
    before = {"lines": [{"name": "毛肚", "line": line}], "service_fen": 300}
    spelt = json.dumps(before, sort_keys=True)
    assert lines_key(goods()) == hashlib.sha256(spelt.encode()).hexdigest()


def test_another_unit_is_another_bill() -> None:
    assert len({lines_key(goods()), lines_key(goods("份")), lines_key(goods("斤"))}) == 3
    assert len({bill().fingerprint, bill("份").fingerprint, bill("斤").fingerprint}) == 3
