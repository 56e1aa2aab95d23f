"""The keys of levels, recharges and points rules, exactly as the specification spells them."""

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.merchants.models import Merchant
from backend.merchants.settings import PointsSettings
from backend.sales.discount_rules import discount_rules
from backend.setup.export import export
from tests.backend.setup.test_apply import _apply, _refused

LOYALTY = """
merchants:
  - code: xinghuo
    name: 星火火锅
    levels_match: any
    levels_period: 12_months
    levels_keep: year
    points: {per_yuan: 100, max_bp: 5000, expiry: 12}
    recharge: {tiers: [{principal_fen: 50000, bonus_fen: 5000}],
      caps: {registered_fen: 300000, unregistered_fen: null}}
    levels:
      - {name: 普通会员, discount_bp: 10000, rights: 生日赠饮}
      - {name: 银卡, upgrade: {amount_fen: 100000, times: 10, recharge_fen: 50000}}
    campaigns:
      - {code: rp, kind: registration_points, state: running, points: 50}
      - {code: cp, kind: consumption_points, state: running, per_fen: 100, points: 1,
         levels: {银卡: {per_fen: 100, points: 2}}, count_coupons: true, count_balance: true}
      - {code: hp, kind: holiday_points, state: running,
         ranges: [{from: 2026-10-01, to: 2026-10-07}], multiple: 2}
      - {code: hq, kind: holiday_points, state: running, weekdays: [3], multiple: {银卡: 3}}
      - {code: mp, kind: manual_points, state: running, add: true, subtract: true}
"""


def test_the_loyalty_keys_are_applied_exported_and_change_nothing_again(app: Flask) -> None:
    made = _apply(LOYALTY)
    assert {"xinghuo campaign cp", "xinghuo campaign hq"} <= set(made.made)
    again = _apply(LOYALTY)
    assert (again.made, again.changed) == ([], [])
    exported = _apply(export())
    assert (exported.made, exported.changed) == ([], [])


@pytest.mark.parametrize(
    ("words", "wrong", "path"),
    [
        ("expiry: 12", "expiry: 0", "merchants.0.points.expiry"),
        ("levels_keep: year", "levels_keep: week", "merchants.0.levels_keep"),
        ("unregistered_fen: null", "caps_fen: 1", "merchants.0.recharge.caps.caps_fen"),
        ("bonus_fen: 5000", "bonus_fen: -1", "merchants.0.recharge.tiers.0.bonus_fen"),
        ("multiple: {银卡: 3}", "multiple: {金卡: 3}", "merchants.0.campaigns.3.multiple"),
        ("discount_bp: 10000", "discount_bp: 95", "merchants.0.levels.0.discount_bp: 95是0.095折"),
        ("code: hq, kind: holiday", "code: hq, kind: registration", "merchants.0.campaigns.3"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(app: Flask, words: str, wrong: str, path: str) -> None:
    assert words in LOYALTY
    assert any(line.startswith(path) for line in _refused(LOYALTY.replace(words, wrong)))


def test_a_bills_share_alone_leaves_paying_by_points_on(app: Flask) -> None:
    """structure, fault 6: what is not named has the default that the section has."""
    said = LOYALTY.replace("{per_yuan: 100, max_bp: 5000, expiry: 12}", "{max_bp: 3000}")
    _apply(said)
    merchant = db.session.scalars(select(Merchant.id)).one()
    with tenancy.acting_for(merchant):
        assert discount_rules().points == PointsSettings(per_yuan=100, max_bp=3000)


def test_a_discount_below_one_tenth_is_refused_and_says_how_it_is_written(app: Flask) -> None:
    """Field case C: 85 written for 8.5折."""
    template = """
    templates:
      - {code: off, kind: discount, title: 八五折, rule: {rate_bp: 85}, validity: {days: 30}}
"""
    [refused] = _refused(LOYALTY + template)
    assert refused.startswith("merchants.0.templates.0.rule.rate_bp")
    assert "85是0.085折" in refused and "8500" in refused
    assert "xinghuo template off" in _apply(LOYALTY + template.replace(": 85}", ": 8500}")).made
