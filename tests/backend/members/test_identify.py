"""Who carries this phone or card; the texts of S2-48."""

import pytest
from flask import Flask

from backend import tenancy
from backend.database import db
from backend.errors import DomainError
from backend.members.identify import by_card, by_phone
from backend.members.models import MemberCard
from tests.builders import a_member, a_shop


def test_a_phone_as_typed_finds_its_member(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop, phone="18112344469")
    with tenancy.acting_for(shop.merchant_id):
        assert by_phone("+86 181-1234-4469").id == member


def test_another_merchants_phone_is_unknown(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    a_member(theirs, phone="18112344469")
    with tenancy.acting_for(ours.merchant_id), pytest.raises(DomainError) as refused:
        by_phone("18112344469")
    assert (refused.value.code, refused.value.http_status) == ("MEMBER_NOT_FOUND", 404)


@pytest.mark.parametrize(
    ("state", "code", "text"),
    [
        ("destroyed", "CARD_DESTROYED", "该实体卡已销毁"),
        ("frozen", "CARD_FROZEN", "该实体卡已冻结"),
        (None, "CARD_NOT_FOUND", "该实体卡不存在"),
    ],
)
def test_a_card_that_speaks_for_nobody_says_why(
    app: Flask, state: str | None, code: str, text: str
) -> None:
    shop = a_shop()
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        if state:
            db.session.add(MemberCard(member_id=member, number="8001", state=state))
            db.session.commit()
        with pytest.raises(DomainError) as refused:
            by_card("8001")
    assert (refused.value.code, refused.value.message) == (code, text)


def test_a_normal_card_finds_its_member(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        db.session.add(MemberCard(member_id=member, number="8001"))
        db.session.commit()
        assert by_card(" 8001 ").id == member
