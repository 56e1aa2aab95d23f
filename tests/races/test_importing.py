"""期初: one list given by several at once opens everybody's accounts once (R-24, C-06)."""

import time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from backend import clock as business_clock
from backend import tenancy
from backend.database import db
from backend.members.models import LevelChange, Member, MemberLevel
from backend.membership.importing import Imported, import_members
from backend.points import ledger as points
from backend.points.models import PointsEntry
from backend.reports import doctor
from backend.wallet.models import WalletEntry
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock
from tests.races.test_claims import at_once

LIST = "phone,points,balance_fen,level\n" + "\n".join(
    f"138{n:08d},100,10000,普通会员" for n in range(20)
)


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


def _figures(shop: Shop) -> set[tuple[int, int]]:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        rows = db.session.execute(select(Member.points, Member.principal_fen))
        return {(row.points, row.principal_fen) for row in rows}


def test_a_list_imported_by_four_at_once_opens_every_account_once(
    app: Flask, shop: Shop, tmp_path: Path
) -> None:
    for n in range(20):
        a_member(shop, phone=f"138{n:08d}")
    files = [tmp_path / f"{who}.csv" for who in range(4)]
    with tenancy.acting_for(shop.merchant_id):
        name = db.session.scalars(select(MemberLevel.name)).first()
    for file in files:
        file.write_text(LIST.replace("普通会员", name or ""))

    def bring(file: Path) -> Imported:
        return import_members(file, now=business_clock.now())

    at_once(app, shop, *[lambda file=file: bring(file) for file in files])  # type: ignore[misc]
    assert _figures(shop) == {(100, 10000)}
    with tenancy.acting_for(shop.merchant_id):
        for model in (PointsEntry, WalletEntry, LevelChange):
            assert db.session.scalar(select(func.count()).select_from(model)) == 20
    assert [str(finding) for finding in doctor.check()] == []


def test_looking_first_and_writing_then_opens_it_twice(
    app: Flask, shop: Shop, clock: StillClock
) -> None:
    """The naive way, which the test above must be able to catch."""
    member = a_member(shop)

    def bring(who: int) -> None:
        known = db.session.scalars(select(PointsEntry.id)).first()
        db.session.rollback()
        time.sleep(0.3)
        if known is None:
            points.adjust(
                member, 100, cause=f"naive-{who}", reason="期初", actor="a test", now=clock.at
            )

    at_once(app, shop, *[lambda who=who: bring(who) for who in range(4)])  # type: ignore[misc]
    assert _figures(shop) != {(100, 0)}
