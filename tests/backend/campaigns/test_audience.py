"""人群: every condition of the form, at its boundaries (S3-10…S3-18)."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import count

import pytest
from flask import Flask
from pydantic import JsonValue, TypeAdapter, ValidationError
from sqlalchemy import event

from backend import tenancy
from backend.calendar import SHANGHAI
from backend.campaigns import audience, lifecycle
from backend.campaigns.conditions import Conditions
from backend.campaigns.draft import draft_of
from backend.campaigns.errors import CampaignInvalid, FixedAudienceEmpty
from backend.database import db, transaction
from backend.members.models import Member, MemberLevel, MemberTag, Spending
from backend.wrong_fields import field_errors
from tests.backend.campaigns.plans import a_periodic, campaign, change_member
from tests.builders import Shop, a_member, a_shop

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)
_bills = count(1)


def days_ago(days: int, clock: str = "12:00") -> datetime:
    hour, minute = map(int, clock.split(":"))
    day = NOW.date() - timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)


def spent(shop: Shop, member: int, *bills: tuple[int, int], reversed: bool = False) -> None:
    """(paid_fen, days ago) of settled bills."""
    with transaction(), tenancy.acting_for(shop.merchant_id):
        for paid_fen, ago in bills:
            db.session.add(
                Spending(
                    member_id=member,
                    cause=f"bill-{next(_bills)}",
                    paid_fen=paid_fen,
                    spent_at=days_ago(ago, "09:00"),
                    reversed_at=NOW if reversed else None,
                )
            )


def meets(shop: Shop, member: int, *conditions: dict[str, JsonValue], match: str = "all") -> bool:
    wanted = Conditions.model_validate({"match": match, "conditions": list(conditions)})
    with tenancy.acting_for(shop.merchant_id):
        found = audience.estimate(wanted, zone=SHANGHAI, at=NOW)
        assert found.count == len(found.sample)
    return member in {person.id for person in found.sample}


NUMBERS = [
    ("<", 3, [True, False, False]),
    ("<=", 3, [True, True, False]),
    ("=", 3, [False, True, False]),
    (">=", 3, [False, True, True]),
    (">", 3, [False, False, True]),
    ("between", [3, 4], [False, True, True]),
    ("in", [2, 4], [True, False, True]),
]


def _amounts(shop: Shop, member: int, number: int) -> None:
    spent(shop, member, (1, 30), (number - 1, 0), (50, 31))
    spent(shop, member, (70, 2), reversed=True)


_HAS: dict[str, Callable[[Shop, int, int], None]] = {
    "consumption_count ever": lambda s, m, n: change_member(s, m, consumption_count=n),
    "consumption_count in days": lambda s, m, n: spent(s, m, *[(100, 1)] * n, (100, 31)),
    "consumption_amount ever": lambda s, m, n: change_member(s, m, consumption_fen=n),
    "consumption_amount in days": _amounts,
    "days_since_consumption": lambda s, m, n: change_member(
        s, m, last_consumed_at=days_ago(n, "23:59")
    ),
    "registered_days": lambda s, m, n: change_member(s, m, registered_at=days_ago(n, "00:00")),
    "birth_month": lambda s, m, n: change_member(s, m, birthday=date(1990, n, 1)),
}


@pytest.mark.parametrize(("op", "value", "two_three_four"), NUMBERS)
@pytest.mark.parametrize("field", _HAS)
def test_numbers_are_compared_at_their_boundaries(
    app: Flask, field: str, op: str, value: JsonValue, two_three_four: list[bool]
) -> None:
    shop = a_shop()
    name, _, period = field.partition(" ")
    condition: dict[str, JsonValue] = {"field": name, "op": op, "value": value}
    if period == "in days":
        condition["days"] = 30
    for number, met in zip((2, 3, 4), two_three_four, strict=True):
        member = a_member(shop)
        _HAS[field](shop, member, number)
        assert meets(shop, member, condition) is met, number


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({"op": "<", "value": "2026-11-10"}, False),
        ({"op": "<", "value": "2026-11-11"}, True),
        ({"op": "<=", "value": "2026-11-10"}, True),
        ({"op": "=", "value": "2026-11-10"}, True),
        ({"op": "=", "value": "2026-11-11"}, False),
        ({"op": ">=", "value": "2026-11-10"}, True),
        ({"op": ">", "value": "2026-11-10"}, False),
        ({"op": "between", "value": ["2026-11-09", "2026-11-10"]}, True),
        ({"op": "in", "value": ["2026-11-09", "2026-11-11"]}, False),
        ({"from": "2026-11-10", "to": "2026-11-10"}, True),
        ({"from": "2026-11-11"}, False),
        ({"to": "2026-11-10"}, True),
    ],
)
def test_registration_is_compared_by_natural_days(
    app: Flask, condition: dict[str, JsonValue], met: bool
) -> None:
    shop = a_shop()
    moment = datetime(2026, 11, 10, 23, 59, 59, tzinfo=SHANGHAI)
    member = a_member(shop, registered_at=moment)
    assert meets(shop, member, {"field": "registered_at", **condition}) is met


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({"field": "level", "op": "in", "value": ["普通会员", "金卡"]}, True),
        ({"field": "level", "op": "=", "value": "金卡"}, False),
        ({"field": "phone_bound", "op": "=", "value": True}, True),
        ({"field": "phone_bound", "op": "=", "value": False}, False),
        ({"field": "gender", "op": "=", "value": "female"}, True),
        ({"field": "gender", "op": "in", "value": ["male", ""]}, False),
        ({"field": "class", "op": "in", "value": ["ordinary"]}, True),
        ({"field": "class", "op": "=", "value": "loyal"}, False),
        ({"field": "tag", "op": "=", "value": "老友"}, True),
        ({"field": "tag", "op": "in", "value": ["邻居"]}, False),
        ({"field": "follows", "op": "=", "value": True}, True),
        ({"field": "follows", "op": "=", "value": False}, False),
        ({"field": "days_since_consumption", "op": ">=", "value": 0}, False),
    ],
)
def test_attributes(app: Flask, condition: dict[str, JsonValue], met: bool) -> None:
    shop = a_shop()
    member = a_member(shop, phone="13800000001", consumptions=1, follows=True)
    change_member(shop, member, gender="female")
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.add(MemberTag(member_id=member, tag="老友"))
        db.session.add(MemberLevel(position=1, name="金卡"))
    assert meets(shop, member, condition) is met


def test_all_or_any_of_the_conditions(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop, phone="13800000001")
    yes: dict[str, JsonValue] = {"field": "phone_bound", "op": "=", "value": True}
    no: dict[str, JsonValue] = {"field": "follows", "op": "=", "value": True}
    assert meets(shop, member)
    assert not meets(shop, member, yes, no)
    assert meets(shop, member, yes, no, match="any")


def test_sleeping_customers_are_found_by_the_preset(app: Flask) -> None:
    """S3-04: none in 15 days, some within 90."""
    shop = a_shop()
    sleeping, awake, gone = (a_member(shop) for _ in range(3))
    spent(shop, sleeping, (100, 16))
    spent(shop, awake, (100, 16), (100, 15))
    spent(shop, gone, (100, 91))
    from backend.campaigns.kinds.periodic import PRESETS

    conditions = PRESETS["唤醒沉睡顾客"]["audience"]["conditions"]  # type: ignore[index, call-overload]
    found = [m for m in (sleeping, awake, gone) if meets(shop, m, *conditions)]  # type: ignore[misc]
    assert found == [sleeping]


def test_another_merchants_members_are_never_found(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    member = a_member(theirs, nickname="小王", phone="13800000009")
    assert not meets(ours, member)
    with tenancy.acting_for(ours.merchant_id):
        assert audience.find_exact("小王") == audience.find_exact("13800000009") == []
    with tenancy.acting_for(theirs.merchant_id):
        assert [p.id for p in audience.find_exact("小王")] == [member]
        assert [p.id for p in audience.find_exact("13800000009")] == [member]
        assert audience.find_exact("小") == []


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ({"field": "consumption_count", "op": "<", "value": "3"}, "value"),
        ({"field": "consumption_count", "op": "between", "value": [4, 3]}, ""),
        ({"field": "consumption_count", "op": "in", "value": 3}, ""),
        ({"field": "consumption_count", "op": "~", "value": 3}, "op"),
        ({"field": "age", "op": "=", "value": 3}, ""),
        ({"field": "phone_bound", "op": "=", "value": 1}, "value"),
        ({"field": "gender", "op": "=", "value": "x"}, "value"),
        ({"field": "level", "op": "in", "value": []}, "value"),
        ({"field": "tag", "op": "=", "value": "a", "extra": 1}, "extra"),
    ],
)
def test_a_wrong_condition_is_named_in_chinese(condition: dict[str, JsonValue], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Conditions).validate_python({"conditions": [condition]})
    [error, *_] = field_errors(refused.value)
    assert error["field"].startswith("conditions.0")
    assert field in error["field"]
    assert any("\u4e00" <= sign <= "\u9fff" for sign in error["message"])


def test_an_unknown_level_is_refused_at_saving(app: Flask) -> None:
    condition: JsonValue = {"field": "level", "op": "=", "value": "钻石"}
    with pytest.raises(CampaignInvalid):
        a_periodic(a_shop(), audience={"mode": "dynamic", "conditions": [condition]})


def test_a_fixed_audience_stays_who_was_found_at_saving(app: Flask) -> None:
    """S3-18: the same people every cycle, also after an edit of something else."""
    from sqlalchemy import select

    from backend.campaigns.models import AudienceMember

    shop = a_shop()
    first = a_member(shop, phone="13800000001")
    bound: JsonValue = {"field": "phone_bound", "op": "=", "value": True}
    plan = a_periodic(shop, audience={"mode": "fixed", "conditions": [bound]})
    a_member(shop, phone="13800000002")
    from dataclasses import replace

    with tenancy.acting_for(shop.merchant_id):
        draft = draft_of(campaign(shop, plan))
        lifecycle.save(replace(draft, name="改名"), now=NOW)
        frozen = db.session.scalars(select(AudienceMember.member_id)).all()
    assert frozen == [first]


def test_a_fixed_audience_of_nobody_is_refused(app: Flask) -> None:
    with pytest.raises(FixedAudienceEmpty):
        a_periodic(a_shop(), audience={"mode": "fixed", "phones": ["13800000000"]})


def test_joined_and_black_listed_people_are_not_counted(app: Flask) -> None:
    shop = a_shop()
    one, two, three = (a_member(shop) for _ in range(3))
    change_member(shop, two, alias_of_id=one)
    change_member(shop, three, blacklisted=True)
    with tenancy.acting_for(shop.merchant_id):
        assert audience.estimate(Conditions(), zone=SHANGHAI, at=NOW).count == 1
        assert db.session.query(Member).count() == 3


def test_the_count_and_the_sample_read_the_members_once(app: Flask) -> None:
    """Scale: of many the newest ten are shown, and one statement judges everybody."""
    shop = a_shop()
    people = [a_member(shop) for _ in range(12)]
    judged: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        if "customer_class IN" in statement.replace("`", ""):
            judged.append(statement)

    wanted = Conditions.model_validate(
        {"conditions": [{"field": "class", "op": "in", "value": ["new", "loyal"]}]}
    )
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with tenancy.acting_for(shop.merchant_id):
            found = audience.estimate(wanted, zone=SHANGHAI, at=NOW)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert found.count == 12 and len(judged) == 1
    assert [person.id for person in found.sample] == people[:1:-1]
