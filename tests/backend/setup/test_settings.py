"""商家设置 have one type and one set of defaults, in the file and where they decide."""

import pytest
from flask import Flask
from pydantic import JsonValue
from sqlalchemy import select

from backend import tenancy
from backend.database import db, transaction
from backend.merchants.house import House, house
from backend.merchants.models import Merchant
from backend.merchants.settings import (
    HouseSettings,
    PointsSettings,
    RechargeSettings,
    ReplySettings,
    Settings,
    SmsSettings,
)
from backend.messaging.settings import MessageSettings
from backend.sales.discount_rules import discount_rules
from backend.setup.sections.profile import Profile
from tests.backend.setup.test_apply import _apply
from tests.builders import a_shop

DEFAULTS: dict[type[Settings], JsonValue] = {
    PointsSettings: {"per_yuan": 100, "max_bp": 5000, "expiry": "none"},
    RechargeSettings: {
        "tiers": [],
        "caps": {"registered_fen": 500_000, "unregistered_fen": 100_000},
    },
    MessageSettings: {
        "quiet": ["21:30", "08:30"],
        "weekly_cap": 3,
        "order": {},
        "expiring": {"days": 3, "on": False},
    },
    SmsSettings: {"signature": "", "quota": 0},
    ReplySettings: {"follow": None, "default": None, "keywords": []},
}
DECIDED_BY: tuple[type[Settings], ...] = (PointsSettings, RechargeSettings, MessageSettings)


def _house() -> House:
    with transaction(), tenancy.acting_for(db.session.scalars(select(Merchant.id)).one()):
        return house()


def test_a_merchant_who_set_nothing_has_the_defaults_of_each_group(app: Flask) -> None:
    _apply("merchants: [{code: bare, name: 新店}]")
    merchant = db.session.scalars(select(Merchant)).one()
    for group, defaults in DEFAULTS.items():
        named = getattr(merchant, group.name)
        assert named == {}
        assert group.stored(named).model_dump(mode="json") == defaults
    for group in DECIDED_BY:
        assert _house().settings(group) == group()


def test_a_merchant_who_set_nothing_has_the_defaults_one_by_one(app: Flask) -> None:
    _apply("merchants: [{code: bare, name: 新店}]")
    merchant = db.session.scalars(select(Merchant)).one()
    defaults = {
        "zone": "Asia/Shanghai",
        "sharing": "exclusive",
        "registration": "phone",
        "levels_match": "any",
        "levels_period": "all",
        "levels_keep": "none",
        "reminder_quiet_days": 7,
        "rounding_fen": 99,
    }
    assert HouseSettings().model_dump(mode="json") == defaults
    assert {name: getattr(merchant, name) for name in defaults} == defaults
    assert Profile(code="bare").model_dump(mode="json", include=defaults.keys()) == defaults


@pytest.mark.parametrize("group", DEFAULTS, ids=lambda group: group.name)
def test_the_files_section_is_the_class_that_decides(group: type[Settings]) -> None:
    assert Profile.model_fields[group.name].annotation is group
    assert Profile(code="bare").model_dump(mode="json")[group.name] == DEFAULTS[group]


def test_every_group_of_a_merchant_has_its_defaults_named_here() -> None:
    groups = {
        field.annotation
        for field in Profile.model_fields.values()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings)
    }
    assert groups == DEFAULTS.keys()


def test_what_the_file_names_is_decided_by_and_the_rest_keeps_its_default(app: Flask) -> None:
    _apply(
        "merchants: [{code: some, name: 老店, points: {expiry: 12},"
        " recharge: {caps: {registered_fen: null}}, message_rules: {quiet: ['22:00', '07:00']}}]"
    )
    now = _house()
    assert now.settings(PointsSettings) == PointsSettings(expiry=12)
    caps = now.settings(RechargeSettings).caps
    assert (caps.of(registered=True), caps.of(registered=False)) == (None, 100_000)
    assert now.settings(MessageSettings) == MessageSettings(quiet=("22:00", "07:00"))
    merchant = db.session.scalars(select(Merchant)).one()
    assert merchant.points == {"expiry": 12}


@pytest.mark.parametrize(
    ("named", "offered"),
    [
        ({}, False),
        ({"expiry": 12}, False),
        ({"per_yuan": 100}, True),
        ({"max_bp": 5000}, True),
    ],
)
def test_points_pay_bills_where_one_of_the_figures_is_named(
    app: Flask, named: dict[str, JsonValue], offered: bool
) -> None:
    shop = a_shop()
    with transaction():
        db.session.get_one(Merchant, shop.merchant_id).points = named
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert (discount_rules().points is not None) is offered


def test_a_group_is_parsed_once_in_a_transaction(app: Flask) -> None:
    shop = a_shop()
    with transaction(), tenancy.acting_for(shop.merchant_id):
        first = house().settings(PointsSettings)
        assert house().settings(PointsSettings) is first
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert house().settings(PointsSettings) is not first


def test_a_key_of_another_release_stops_no_till_and_a_wrong_value_is_not_guessed() -> None:
    assert PointsSettings.stored({"per_yuan": 50, "valid_days": 20}).per_yuan == 50
    with pytest.raises(ValueError, match="per_yuan"):
        PointsSettings.stored({"per_yuan": 0})
