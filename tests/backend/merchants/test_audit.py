"""操作日志: what it keeps, and what it never shows."""

import pytest
from flask import Flask
from sqlalchemy import select

from backend import clock
from backend.database import db
from backend.merchants import audit
from backend.merchants.models import AuditEntry
from tests.builders import a_shop


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
