"""待发消息: all of a transaction in one statement, each dedupe key once, none without its fact."""

import pytest
from sqlalchemy import select

from backend import clock, tenancy
from backend.database import db, transaction
from backend.messaging import outbox
from backend.messaging.models import Intent, Purpose
from tests.backend.messaging.post import Customer
from tests.miniprogram_api.statements import counting


def _queue(customer: Customer, key: str, title: str = "") -> None:
    outbox.queue(
        customer.member_id, Purpose.CAMPAIGN_NEWS, {"title": title}, dedupe_key=key, now=clock.now()
    )


def _queued(customer: Customer) -> list[tuple[str, object]]:
    with tenancy.acting_for(customer.shop.merchant_id):
        rows = db.session.execute(select(Intent.dedupe_key, Intent.facts).order_by(Intent.id))
        return [(row.dedupe_key, row.facts["title"]) for row in rows]


def test_messages_of_one_transaction_are_one_statement_and_a_key_counts_once(
    anna: Customer,
) -> None:
    with tenancy.acting_for(anna.shop.merchant_id):
        _queue(anna, "known", "first")
        with counting(db.engine) as seen, transaction():
            for key in ("one", "known", "two", "one"):
                _queue(anna, key, f"now {key}")
    assert len([each for each in seen if "INSERT INTO intent" in each]) == 1
    assert _queued(anna) == [("known", "first"), ("one", "now one"), ("two", "now two")]


def test_a_message_goes_with_its_fact(anna: Customer) -> None:
    with tenancy.acting_for(anna.shop.merchant_id):
        with pytest.raises(ValueError, match="undone"), transaction():
            _queue(anna, "one")
            raise ValueError("undone")
        with transaction():
            _queue(anna, "two")
    assert [key for key, _ in _queued(anna)] == ["two"]
