"""One merchant's desk never shows, changes or exports another's rows (ux.md 3, S1–S3; A-02)."""

import io

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import select

from backend import tenancy
from backend.campaigns.models import Campaign
from backend.coupons.models import Coupon, CouponTemplate
from backend.database import db
from backend.members.models import Member
from backend.merchants import staff
from backend.merchants.models import Role, Staff, Verifier
from tests.admin.desk import at_desk, everything
from tests.builders import a_shop, reread

LISTS = (
    "members", "templates", "campaigns", "coupons", "messages", "stores", "verifiers", "staff",
    "audit", "levels", "level-changes", "points", "wallet", "cards", "bills", "refused-bills",
    "malls", "orders", "vouchers",
)  # fmt: skip
DETAILS = (
    "members", "coupons", "campaigns", "messages", "audit", "cards", "bills", "refused-bills",
    "malls",
)  # fmt: skip
EDITS = ("members", "templates", "campaigns", "stores", "staff", "levels", "malls")
MOVES = (
    ("/admin/campaigns/start/", "campaigns"),
    ("/admin/campaigns/pause/", "campaigns"),
    ("/admin/campaigns/end/", "campaigns"),
    ("/admin/templates/archive/", "templates"),
    ("/admin/coupons/revoke/", "coupons"),
    ("/admin/verifiers/unbind/", "verifiers"),
    ("/admin/staff/reset/", "staff"),
    ("/admin/staff/active/", "staff"),
    ("/admin/members/level/", "members"),
    ("/admin/levels/move/", "levels"),
    ("/admin/levels/remove/", "levels"),
    ("/admin/cards/state/", "cards"),
    ("/admin/cards/replace/", "cards"),
    ("/admin/refused-bills/handle/", "refused-bills"),
)
MALFORMED = ("1,2", "9" * 30, "-1", "abc", "", "1e3", "１", "0x1", "1 or 1=1")


@pytest.mark.parametrize("endpoint", LISTS)
def test_a_list_holds_nothing_of_another_merchant(app: Flask, endpoint: str) -> None:
    ours, theirs = a_shop("ours"), a_shop("theirs")
    everything(ours)
    everything(theirs, nickname="别家的人")
    text = at_desk(app, ours).read(f"/admin/{endpoint}/")
    assert "theirs" not in text and "别家的人" not in text


@pytest.mark.parametrize("endpoint", DETAILS)
def test_the_details_of_another_merchants_row_do_not_exist(app: Flask, endpoint: str) -> None:
    ours, theirs = a_shop(), a_shop()
    own, foreign = everything(ours), everything(theirs)
    visitor = at_desk(app, ours)
    assert visitor.open(f"/admin/{endpoint}/details/?id={own.of(endpoint)}").status_code == 200
    refused = visitor.open(f"/admin/{endpoint}/details/?id={foreign.of(endpoint)}")
    unknown = visitor.open(f"/admin/{endpoint}/details/?id=987654")
    assert refused.status_code == unknown.status_code == 404


@pytest.mark.parametrize("endpoint", EDITS)
def test_another_merchants_row_cannot_be_opened_or_saved(app: Flask, endpoint: str) -> None:
    ours, theirs = a_shop(), a_shop()
    own, foreign = everything(ours), everything(theirs)
    visitor = at_desk(app, ours)
    assert visitor.open(f"/admin/{endpoint}/edit/?id={own.of(endpoint)}").status_code == 200
    path = f"/admin/{endpoint}/edit/?id={foreign.of(endpoint)}"
    assert visitor.open(path).status_code == 404
    assert visitor.send(path, name="抢来的", title="抢来的", note="抢来的").status_code == 404


@pytest.mark.parametrize(("path", "endpoint"), MOVES)
def test_another_merchants_row_cannot_be_moved(app: Flask, path: str, endpoint: str) -> None:
    ours, theirs = a_shop(), a_shop()
    everything(ours)
    foreign = everything(theirs)
    visitor = at_desk(app, ours)
    form = {"id": foreign.of(endpoint), "reason": "x", "active": "0", "archived": "1"}
    assert visitor.send(path, **form).status_code == 404
    with tenancy.acting_for(theirs.merchant_id):
        assert db.session.scalars(select(Campaign.state)).all() == ["draft"]
        assert db.session.scalars(select(Coupon.state)).all() == ["usable"]
        assert db.session.scalars(select(CouponTemplate.archived)).all() == [False]
        assert db.session.scalars(select(Verifier.active)).all() == [True]
    active = db.session.scalars(select(Staff.active).where(Staff.id == foreign.staff)).one()
    assert active is True


def test_a_batch_leaves_other_merchants_rows_alone(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    own, foreign = everything(ours), everything(theirs)
    visitor = at_desk(app, ours)
    visitor.send("/admin/coupons/action/", action="revoke", rowid=[own.coupons, foreign.coupons])
    with tenancy.across_merchants("a test looks at both"):
        states = dict(db.session.execute(select(Coupon.id, Coupon.state)).all())  # type: ignore[arg-type]
    assert states == {own.coupons: "revoked", foreign.coupons: "usable"}


@pytest.mark.parametrize(
    "endpoint",
    [
        "members", "coupons", "audit", "level-changes", "points", "wallet", "cards", "bills",
        "refused-bills", "orders", "vouchers",
    ],
)  # fmt: skip
def test_an_export_holds_only_the_own_rows(app: Flask, endpoint: str) -> None:
    ours, theirs = a_shop("ours"), a_shop("theirs")
    everything(ours)
    everything(theirs, nickname="别家的人")
    answer = at_desk(app, ours).open(f"/admin/{endpoint}/export/xlsx/")
    sheet = load_workbook(io.BytesIO(answer.data)).active
    assert sheet is not None
    cells = [str(cell) for row in sheet.iter_rows(values_only=True) for cell in row]
    assert len(cells) > 5 and not [c for c in cells if "theirs" in c or "别家" in c]


@pytest.mark.parametrize("endpoint", LISTS)
def test_the_lookup_and_inline_endpoints_are_closed(app: Flask, endpoint: str) -> None:
    visitor = at_desk(app, a_shop())
    assert visitor.open(f"/admin/{endpoint}/ajax/lookup/?name=member&query=1").status_code == 404
    assert visitor.send(f"/admin/{endpoint}/ajax/update/", list_form_pk="1").status_code == 404


def test_another_merchants_template_cannot_be_given_by_our_campaign(app: Flask) -> None:
    ours, theirs = a_shop("ours"), a_shop("theirs")
    own = everything(ours)
    everything(theirs)
    visitor = at_desk(app, ours)
    path = f"/admin/campaigns/edit/?id={own.campaigns}"
    assert "t-theirs" not in visitor.read(path)
    answer = visitor.send(
        path,
        **{
            "name": "抢券", "mode": "dynamic", "match": "all", "every": "day", "at": "10:00",
            "window": "anytime", "given-template": "t-theirs", "given-quantity": "1",
        },
    )  # fmt: skip
    assert answer.status_code == 422
    assert "没有券模板 t-theirs" in answer.get_data(as_text=True)


def test_another_merchants_member_is_not_found_exactly_nor_judged(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    own = everything(ours)
    foreign = everything(theirs, nickname="别家的人")
    with tenancy.acting_for(theirs.merchant_id):
        phone = db.session.scalars(select(Member.phone)).one()
    reread()
    visitor = at_desk(app, ours)
    assert "别家的人" not in visitor.read(f"/admin/campaigns/find?exact={phone} 别家的人")
    why = f"/admin/campaigns/why?id={own.campaigns}"
    assert "没有找到这位会员" in visitor.read(f"{why}&phone={phone}")
    assert "没有找到这位会员" in visitor.read(f"{why}&member={foreign.members}")


@pytest.mark.parametrize("page", ["members/details", "members/edit", "coupons/details"])
def test_a_malformed_id_is_404(app: Flask, page: str) -> None:
    visitor = at_desk(app, a_shop())
    for bad in MALFORMED:
        answer = visitor.browser.get(f"/admin/{page}/", query_string={"id": bad})
        assert answer.status_code == 404, bad


def test_an_operators_person_is_not_in_a_merchants_staff_list(app: Flask) -> None:
    shop = a_shop()
    at_desk(app, shop, Role.OPERATOR)
    visitor = at_desk(app, shop)
    operator = staff.find(f"operator-{shop.code}", merchant_id=None)
    assert operator is not None
    assert f"operator-{shop.code}" not in visitor.read("/admin/staff/")
    assert visitor.send("/admin/staff/reset/", id=operator.id).status_code == 404
