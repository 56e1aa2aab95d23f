"""One merchant's rows are never read or written in another's name; every table is looked at."""

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from backend import models, tenancy
from backend.database import Model, db, transaction
from backend.members.models import Member
from backend.tenancy import MerchantRow
from tests.builders import a_member, a_shop, reread

models.load_all()
MERCHANT_ROWS = sorted(
    (m.class_ for m in Model.registry.mappers if issubclass(m.class_, MerchantRow)),
    key=lambda model: model.__tablename__,
)
WITHOUT_MERCHANT = {
    "operator", "merchant", "staff", "staff_session", "audit_entry", "pos_nonce", "wechat_app",
    "callback_inbox", "wechat_user", "consent", "consent_entry", "clock_anchor", "heartbeat",
    "installation", "remembered_answer", "audit_book",
}  # fmt: skip


def test_every_table_says_whether_its_rows_belong_to_a_merchant() -> None:
    theirs = {m.__tablename__ for m in MERCHANT_ROWS}
    assert {t.name for t in Model.metadata.sorted_tables} == theirs | WITHOUT_MERCHANT


@pytest.mark.parametrize("model", MERCHANT_ROWS, ids=lambda m: m.__tablename__)
def test_without_a_merchant_its_rows_cannot_be_asked_for(app: Flask, model: type[Model]) -> None:
    with pytest.raises(tenancy.NoMerchant):
        db.session.scalars(select(model)).all()
    with pytest.raises(tenancy.NoMerchant):
        db.session.execute(select(func.count()).select_from(model)).all()


def test_reads_updates_and_deletes_stay_within_the_merchant(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    a_member(ours, nickname="我们的")
    foreign = a_member(theirs, nickname="别家的")
    with transaction(), tenancy.acting_for(ours.merchant_id):
        assert [m.nickname for m in db.session.scalars(select(Member))] == ["我们的"]
        assert db.session.scalar(select(func.count()).select_from(Member)) == 1
        assert tenancy.find(Member, foreign) is None
        db.session.execute(update(Member).values(note="seen"))
        db.session.execute(delete(Member).where(Member.id == foreign))
    reread()
    with tenancy.acting_for(theirs.merchant_id):
        assert [m.note for m in db.session.scalars(select(Member))] == [""]


def test_a_row_of_another_merchant_is_not_written(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    with pytest.raises(tenancy.ForeignRow), transaction(), tenancy.acting_for(ours.merchant_id):
        from backend import clock

        db.session.add(Member(merchant_id=theirs.merchant_id, joined_at=clock.now()))
        db.session.flush()


def test_switching_merchants_forgets_what_was_loaded(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    member = a_member(ours)
    with tenancy.acting_for(ours.merchant_id):
        assert tenancy.find(Member, member) is not None
        with tenancy.acting_for(theirs.merchant_id):
            assert tenancy.find(Member, member) is None
            assert db.session.get(Member, member) is None
