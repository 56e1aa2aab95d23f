"""登录自动领取: all open grants in one request, in their windows (S3-22…S3-25, S3-37)."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from backend import clock, tenancy
from backend.calendar import SHANGHAI, local
from backend.campaigns import grants, offers
from backend.campaigns.models import Grant, GrantState
from backend.database import db, transaction
from backend.messaging.models import Intent, Purpose
from tests.backend.campaigns.plans import (
    a_periodic,
    change_member,
    coupons_of,
    gives,
    grants_of,
)
from tests.builders import Shop, a_member, a_shop, a_template
from tests.conftest import StillClock


def a_grant(
    shop: Shop, campaign_id: int, member_id: int, *, until: datetime | None = None, cycle: str = "c"
) -> int:
    with transaction(), tenancy.acting_for(shop.merchant_id):
        offer = offers.current(campaign_id)
        assert offer is not None
        grant = Grant(
            campaign_id=campaign_id,
            cycle=cycle,
            member_id=member_id,
            offer_id=offers.persist(offer).id,
            quantity=offer.quantity,
            granted_at=clock.now(),
            claim_until=until,
        )
        db.session.add(grant)
        db.session.flush()
        return grant.id


def claim(shop: Shop, member_id: int) -> list[int]:
    with tenancy.acting_for(shop.merchant_id):
        return grants.claim_open(member_id, now=clock.now())


def test_all_open_grants_become_coupons_at_login(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    member = a_member(shop)
    for code in ("one", "two"):
        a_template(shop, code, days=7)
        a_grant(shop, a_periodic(shop, f"p-{code}", coupons=gives(code, quantity=3)), member)
    clock.move_to("2026-11-25 15:00")
    ids = claim(shop, member)
    assert len(ids) == 6
    assert [c.id for c in coupons_of(shop, member)] == ids
    assert {g.state for g in grants_of(shop)} == {GrantState.CLAIMED}
    ends = {f"{local(c.valid_until, SHANGHAI):%m-%d %H:%M}" for c in coupons_of(shop)}
    assert ends == {"12-02 00:00"}, "seven days from the claim, not from the issue"
    assert claim(shop, member) == []


def test_a_login_is_one_message_however_much_it_claims(app: Flask, clock: StillClock) -> None:
    """06: with count, and the first end among them."""
    shop = a_shop()
    member = a_member(shop)
    for code, quantity, days in (("one", 1, 7), ("two", 3, 2)):
        a_template(shop, code, title=f"{code}元", days=days)
        campaign = a_periodic(shop, f"p-{code}", coupons=gives(code, quantity=quantity))
        a_grant(shop, campaign, member)
    claim(shop, member)
    claim(shop, member)
    with tenancy.acting_for(shop.merchant_id):
        [intent] = db.session.scalars(select(Intent)).all()
    assert (intent.member_id, intent.purpose) == (member, Purpose.COUPON_RECEIVED)
    assert intent.facts == {"title": "one元、two元×3", "count": 4, "valid_to": "2026-11-24"}


def test_a_window_is_over_at_its_very_end(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    plan = a_periodic(shop)
    until = clock.at + timedelta(hours=1)
    early, late = a_member(shop), a_member(shop)
    a_grant(shop, plan, early, until=until)
    a_grant(shop, plan, late, until=until)
    clock.at = until - timedelta(microseconds=1)
    assert claim(shop, early)
    clock.at = until
    assert claim(shop, late) == []


def test_grants_of_a_joined_member_go_to_the_survivor(app: Flask) -> None:
    shop = a_shop()
    plan = a_periodic(shop)
    old, new = a_member(shop), a_member(shop)
    a_grant(shop, plan, old)
    change_member(shop, old, alias_of_id=new)
    assert len(claim(shop, new)) == 1
    assert [c.member_id for c in coupons_of(shop)] == [new]


def test_another_merchants_member_claims_nothing_here(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    member = a_member(theirs)
    a_grant(theirs, a_periodic(theirs), member)
    assert claim(ours, member) == []
    assert len(claim(theirs, member)) == 1


def test_editing_the_template_does_not_change_what_was_granted(app: Flask) -> None:
    from backend.campaigns import templates
    from backend.campaigns.templates import TemplateDraft

    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id):
        draft = TemplateDraft(
            code="ten", kind="cash", title="十元", rule={"value_fen": 1000}, validity={"days": 7}
        )
        first = templates.save(draft, now=clock.now()).revision_id
    member = a_member(shop)
    a_grant(shop, a_periodic(shop, coupons=gives("ten")), member)
    with tenancy.acting_for(shop.merchant_id):
        changed = TemplateDraft(
            code="ten", kind="cash", title="十元", rule={"value_fen": 1}, validity={"days": 7}
        )
        assert templates.save(changed, now=clock.now()).revision_id != first
    claim(shop, member)
    assert [c.revision_id for c in coupons_of(shop)] == [first]


@pytest.mark.parametrize(("quantity", "statements"), [(0, 1), (1, 4), (100, 4)])
def test_a_claim_is_four_statements_and_one_when_nothing_waits(
    app: Flask, quantity: int, statements: int
) -> None:
    shop = a_shop()
    member = a_member(shop)
    if quantity:
        a_template(shop, "many")
        a_grant(shop, a_periodic(shop, coupons=gives("many", quantity=quantity)), member)
    seen: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        assert len(claim(shop, member)) == quantity
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    assert len([s for s in seen if not s.lower().startswith(("begin", "pragma"))]) == statements
