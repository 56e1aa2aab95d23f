"""券种: the rules as the contract gives them, and how they read."""

import pytest
from pydantic import ValidationError

from backend.coupons.kinds import CouponKind, face, give_text, parse_rule

RULES: dict[CouponKind, dict[str, object]] = {
    CouponKind.CASH: {"value_fen": 10000},
    CouponKind.EVERY_FULL: {"threshold_fen": 30000, "reduce_fen": 10000},
    CouponKind.DISCOUNT: {"rate_bp": 8500, "max_fen": 5000},
    CouponKind.GIFT: {"dishes": ["D001"], "quantity": 1},
    CouponKind.DEDUCTION: {"dishes": ["D001", "D002"], "value_fen": 5000},
    CouponKind.GROUP_BUY: {"dishes": ["D001", "D002"], "price_fen": 9900},
    CouponKind.GENERAL: {"text": "送果盘一份"},
}


@pytest.mark.parametrize("kind", CouponKind)
def test_a_rule_is_answered_as_it_was_given(kind: CouponKind) -> None:
    rule = parse_rule(kind, RULES[kind])
    assert rule.model_dump(mode="json") == RULES[kind]
    assert hash(rule) == hash(parse_rule(kind, RULES[kind]))


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("cash", {"value_fen": "100"}),
        ("cash", {"value_fen": 0}),
        ("cash", {"value_fen": True}),
        ("cash", {"value_fen": 100.0}),
        ("cash", {"value_fen": 100, "colour": "red"}),
        ("cash", {}),
        ("every_full", {"threshold_fen": 100, "reduce_fen": 101}),
        ("every_full", {"threshold_fen": 0, "reduce_fen": 0}),
        ("discount", {"rate_bp": 10000}),
        ("discount", {"rate_bp": 0}),
        ("discount", {"rate_bp": 8500, "max_fen": 0}),
        ("gift", {"dishes": [], "quantity": 1}),
        ("gift", {"dishes": [1], "quantity": 1}),
        ("gift", {"dishes": "D001", "quantity": 1}),
        ("gift", {"dishes": ["D001"], "quantity": 0}),
        ("deduction", {"dishes": [""], "value_fen": 100}),
        ("group_buy", {"dishes": ["D001"], "price_fen": -1}),
        ("general", {"text": "  "}),
    ],
)
def test_a_rule_that_says_something_else_is_refused(kind: str, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        parse_rule(CouponKind(kind), wrong)


@pytest.mark.parametrize(
    ("kind", "rule", "minimum_fen", "value", "condition"),
    [
        ("cash", {"value_fen": 10000}, 0, "¥100", "无门槛"),
        ("cash", {"value_fen": 1000}, 5000, "¥10", "满50可用"),
        ("every_full", {"threshold_fen": 30000, "reduce_fen": 10000}, 0, "¥100", "每满300减100"),
        (
            "every_full",
            {"threshold_fen": 30000, "reduce_fen": 10000},
            60000,
            "¥100",
            "每满300减100，满600可用",
        ),
        ("discount", {"rate_bp": 8500}, 0, "8.5折", "无门槛"),
        ("discount", {"rate_bp": 8000, "max_fen": 5000}, 10000, "8折", "满100可用，最多减50"),
        ("discount", {"rate_bp": 9875}, 0, "9.875折", "无门槛"),
        ("gift", {"dishes": ["D001"], "quantity": 2}, 0, "2份", "无门槛"),
        ("deduction", {"dishes": ["D001"], "value_fen": 1250}, 0, "¥12.5", "无门槛"),
        ("group_buy", {"dishes": ["D001"], "price_fen": 9900}, 0, "套餐", "无门槛"),
        ("general", {"text": "送果盘"}, 0, "优惠", "无门槛"),
    ],
)
def test_the_face_says_what_it_is_worth_and_from_when(
    kind: str, rule: dict[str, object], minimum_fen: int, value: str, condition: str
) -> None:
    shown = face(parse_rule(CouponKind(kind), rule), minimum_fen=minimum_fen)
    assert (shown.value, shown.condition) == (value, condition)


@pytest.mark.parametrize(
    ("kind", "minimum_fen", "text"),
    [
        (CouponKind.CASH, 20000, "满200元，减100元，不找零"),
        (CouponKind.EVERY_FULL, 0, "每满300元减100元，上不封顶"),
        (CouponKind.DISCOUNT, 0, "打8.5折，最多减50元"),
        (CouponKind.GIFT, 0, "免费赠送1份鱼香肉丝"),
        (CouponKind.DEDUCTION, 0, "抵扣鱼香肉丝、D002任选1份，最多抵50元"),
        (CouponKind.GROUP_BUY, 0, "套餐已付款，鱼香肉丝、D002各1份"),
        (CouponKind.GENERAL, 0, "送果盘一份"),
    ],
)
def test_staff_read_what_to_give(kind: CouponKind, minimum_fen: int, text: str) -> None:
    rule = parse_rule(kind, RULES[kind])
    assert give_text(rule, minimum_fen=minimum_fen, dish_names={"D001": "鱼香肉丝"}) == text


def test_every_kind_has_a_name() -> None:
    assert [kind.label for kind in CouponKind] == [
        "代金券",
        "满减券",
        "折扣券",
        "兑换券",
        "抵扣券",
        "团购券",
        "优惠券",
    ]
