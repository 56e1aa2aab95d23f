"""变动原因: causes in words."""

from flask import Flask

from admin.causes import told
from backend import tenancy
from backend.points.queries import in_words
from tests.builders import a_shop


def test_a_debt_that_was_paid_says_what_came_back(app: Flask) -> None:
    with app.test_request_context(), tenancy.acting_for(a_shop().merchant_id):
        causes = ("exchange-a-back", "exchange-a-back-owed-7", "scan-9-points-back-owed-7")
        assert [each.text for each in told(causes).values()] == [
            "积分兑换退回",
            "积分兑换退回：扣回所欠积分",
            "扫码付退回积分：扣回所欠积分",
        ]
    assert in_words("reverse", "exchange-a-back") == "兑换未领取退回"
    assert in_words("reverse", "exchange-a-back-owed-7") == "退款冲回"
