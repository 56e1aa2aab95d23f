"""操作日志: what it keeps, and what it never shows."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy import select

from backend import clock
from backend.database import db, transaction
from backend.merchants import audit
from backend.merchants.models import AuditEntry
from backend.reports import doctor
from tests.builders import a_shop, reread


def test_an_entry_says_who_what_before_after_and_from_where(app: Flask) -> None:
    shop = a_shop()
    audit.record(
        "member.edit",
        subject="member 7",
        actor="boss",
        merchant_id=shop.merchant_id,
        before={"note": ""},
        after={"note": "常客"},
        origin="10.0.0.8",
        now=clock.now(),
    )
    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.merchant_id, entry.actor, entry.action) == (
        shop.merchant_id,
        "boss",
        "member.edit",
    )
    assert (entry.before, entry.after) == ({"note": ""}, {"note": "常客"})
    assert (entry.origin, entry.request_id) == ("10.0.0.8", "test")
    assert entry.at == clock.now()


def test_phones_and_secrets_are_masked_at_any_depth(app: Flask) -> None:
    audit.record(
        "wechat.bind",
        subject="member 18100004469",
        actor="boss",
        merchant_id=None,
        after={
            "app": {"app_id": "wx1", "secret": "s1", "aes_key": "k", "token": ""},
            "people": [{"phone": "18100004469"}],
            "next_secret": "s2",
            "amount_fen": 5000,
        },
        now=clock.now(),
    )
    entry = db.session.scalars(select(AuditEntry)).one()
    assert entry.subject == "member 181****4469"
    assert entry.after == {
        "app": {"app_id": "wx1", "secret": "***", "aes_key": "***", "token": ""},
        "people": [{"phone": "181****4469"}],
        "next_secret": "***",
        "amount_fen": 5000,
    }


def test_of_many_who_write_at_once_none_is_lost(app: Flask) -> None:
    """The first entry of the book as well: eight find it empty, all are numbered in the end."""
    shop = a_shop()

    def write(number: int) -> None:
        with app.app_context():
            audit.record(
                f"note.{number}",
                subject="",
                actor="boss",
                merchant_id=shop.merchant_id,
                now=clock.now(),
            )

    with ThreadPoolExecutor(8) as eight:
        list(eight.map(write, range(24)))
    reread()
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.seq)).all()
    assert [entry.seq for entry in entries] == list(range(1, 25))
    assert {entry.action for entry in entries} == {f"note.{n}" for n in range(24)}
    assert doctor.check() == []


def test_an_entry_that_is_undone_leaves_no_gap(app: Flask) -> None:
    for number in range(3):
        with suppress(ZeroDivisionError), transaction():
            audit.record("note", subject="", actor="boss", merchant_id=None, now=clock.now())
            1 / (number - 1)
    assert db.session.scalars(select(AuditEntry.seq).order_by(AuditEntry.seq)).all() == [1, 2]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("致电18100004469。", "致电181****4469。"),
        ("13800000000,13900000001", "138****0000,139****0001"),
        ("券号 6217 3803 3516", "券号 6217 3803 3516"),
        ("118100004469", "118100004469"),
    ],
)
def test_only_phones_are_masked(text: str, shown: str) -> None:
    assert audit.mask_phones(text) == shown
