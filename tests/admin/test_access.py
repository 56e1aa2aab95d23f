"""Who may open the desk: sessions on the server, roles, CSRF, headers."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from admin.rights import RIGHTS, Right
from backend.database import db
from backend.merchants import staff
from backend.merchants.models import AuditEntry, Role, StaffSession
from tests.admin.desk import Visitor, a_person, at_desk, one_of_each
from tests.builders import a_shop, reread

PAGES = {
    "/admin/": Right.OVERVIEW,
    "/admin/campaigns/": Right.CAMPAIGNS,
    "/admin/campaigns/new/": Right.EDIT_CAMPAIGNS,
    "/admin/campaigns/new/?kind=periodic": Right.EDIT_CAMPAIGNS,
    "/admin/templates/": Right.TEMPLATES,
    "/admin/templates/new/": Right.EDIT_TEMPLATES,
    "/admin/coupons/": Right.COUPONS,
    "/admin/coupons/export/xlsx/": Right.EXPORT,
    "/admin/members/": Right.MEMBERS,
    "/admin/members/export/csv/": Right.EXPORT,
    "/admin/messages/": Right.MESSAGES,
    "/admin/stores/": Right.STORES,
    "/admin/stores/new/": Right.EDIT_STORES,
    "/admin/verifiers/": Right.VERIFIERS,
    "/admin/verifiers/invite/": Right.EDIT_VERIFIERS,
    "/admin/staff/": Right.STAFF,
    "/admin/staff/new/": Right.STAFF,
    "/admin/audit/": Right.AUDIT,
    "/admin/profile/": Right.PROFILE,
    "/admin/levels/": Right.LEVELS,
    "/admin/levels/new/": Right.EDIT_LEVELS,
    "/admin/levels/rules/": Right.EDIT_LEVELS,
    "/admin/level-changes/": Right.LEVELS,
    "/admin/points/": Right.LEDGERS,
    "/admin/wallet/": Right.LEDGERS,
    "/admin/wallet/export/xlsx/": Right.EXPORT,
    "/admin/cards/": Right.CARDS,
    "/admin/cards/new/": Right.EDIT_CARDS,
    "/admin/bills/": Right.BILLS,
    "/admin/refused-bills/": Right.REFUSED_BILLS,
    "/admin/scan-payments/": Right.PAYMENTS,
    "/admin/open-bills/": Right.PAYMENTS,
    "/admin/bills/export/csv/": Right.EXPORT,
    "/admin/recharge/": Right.RECHARGE_RULES,
    "/admin/malls/": Right.MALLS,
    "/admin/malls/new/": Right.EDIT_MALLS,
    "/admin/orders/": Right.MALLS,
    "/admin/orders/export/xlsx/": Right.EXPORT,
    "/admin/vouchers/": Right.COUPONS,
    "/admin/look-up/": Right.LOOK_UP,
    "/admin/campaigns/new/?kind=consumption_gift": Right.EDIT_CAMPAIGNS,
    "/admin/campaigns/new/?kind=points_exchange": Right.EDIT_CAMPAIGNS,
    "/admin/campaigns/new/?kind=mall_voucher": Right.EDIT_CAMPAIGNS,
}
CHANGES = {
    "/admin/campaigns/start/": Right.RUN_CAMPAIGNS,
    "/admin/campaigns/pause/": Right.RUN_CAMPAIGNS,
    "/admin/campaigns/end/": Right.RUN_CAMPAIGNS,
    "/admin/campaigns/forecast": Right.EDIT_CAMPAIGNS,
    "/admin/templates/archive/": Right.EDIT_TEMPLATES,
    "/admin/coupons/revoke/": Right.REVOKE_COUPONS,
    "/admin/verifiers/unbind/": Right.EDIT_VERIFIERS,
    "/admin/staff/reset/": Right.STAFF,
    "/admin/staff/active/": Right.STAFF,
    "/admin/levels/move/": Right.EDIT_LEVELS,
    "/admin/levels/remove/": Right.EDIT_LEVELS,
    "/admin/members/level/": Right.GIVE_LEVELS,
    "/admin/cards/state/": Right.EDIT_CARDS,
    "/admin/cards/replace/": Right.EDIT_CARDS,
    "/admin/bills/member/": Right.NAME_GUESTS,
    "/admin/wallet/reverse/": Right.REVERSE_RECHARGES,
    "/admin/refused-bills/handle/": Right.REFUSED_BILLS,
    "/admin/open-bills/give-back/": Right.GIVE_BACK,
    "/admin/malls/send-again/": Right.EDIT_MALLS,
}


def test_a_stranger_is_sent_to_the_login_and_comes_back_to_the_page(app: Flask) -> None:
    shop = a_shop()
    login = a_person(shop, Role.OWNER)
    visitor = Visitor(app)
    sent = visitor.open("/admin/coupons/?tab=usable")
    assert sent.status_code == 302
    assert sent.location == "/admin/login?next=/admin/coupons/?tab%3Dusable"
    visitor.open(sent.location)
    back = visitor.send(sent.location, login=login, password="correct-horse-7")
    assert back.location == "/admin/coupons/?tab=usable"


def test_a_program_that_sends_json_without_login_reads_401(http: FlaskClient) -> None:
    answer = http.post("/admin/campaign/", json={"name": "x"})
    assert (answer.status_code, answer.get_json()["code"]) == (401, "UNAUTHENTICATED")


def test_a_json_caller_without_login_reads_401(http: FlaskClient) -> None:
    for path in ("/admin/", "/admin/coupons/", "/admin/nowhere"):
        answer = http.get(path, headers={"Accept": "application/json"})
        assert answer.status_code == 401, path
        assert answer.get_json()["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/admin/", "//evil.example/admin/", "/\\evil.example", "/api/x", "x"],
)
def test_a_login_never_leads_to_another_host(app: Flask, target: str) -> None:
    login = a_person(a_shop(), Role.OWNER)
    visitor = Visitor(app)
    visitor.open("/admin/login")
    answer = visitor.browser.post(
        "/admin/login",
        query_string={"next": target},
        data={"csrf_token": visitor.token, "login": login, "password": "correct-horse-7"},
    )
    assert answer.location == "/admin/"


def test_a_wrong_password_says_the_same_as_an_unknown_login(app: Flask) -> None:
    login = a_person(a_shop(), Role.OWNER)
    wrong, unknown = Visitor(app), Visitor(app)
    first, second = wrong.sign_in(login, "wrong-horse-77"), unknown.sign_in("nobody", "wrong-h-77")
    assert first.status_code == second.status_code == 401
    assert staff.SignInFailed.message in first.get_data(as_text=True)
    assert staff.SignInFailed.message in second.get_data(as_text=True)


def test_a_stolen_cookie_is_worth_nothing_after_logout(app: Flask) -> None:
    visitor = at_desk(app, a_shop())
    stolen = visitor.browser.get_cookie("desk")
    assert stolen is not None
    visitor.send("/admin/logout")
    thief = app.test_client()
    thief.set_cookie("desk", stolen.value)
    assert thief.get("/admin/").status_code == 302
    assert db.session.scalars(select(StaffSession)).all() == []


@pytest.mark.parametrize("forged", ["", "x", "a" * 43, "é" * 10, "../../etc", "a" * 3000])
def test_a_forged_session_opens_nothing(app: Flask, forged: str) -> None:
    thief = app.test_client()
    thief.set_cookie("desk", forged)
    assert thief.get("/admin/").status_code == 302


def test_each_login_gets_a_session_of_its_own(app: Flask) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop)
    first = visitor.browser.get_cookie("desk")
    visitor.send("/admin/logout")
    visitor.sign_in(f"owner-{shop.code}")
    second = visitor.browser.get_cookie("desk")
    assert first is not None and second is not None and first.value != second.value


def test_the_cookie_is_kept_from_scripts_and_other_sites(app: Flask) -> None:
    visitor = at_desk(app, a_shop())
    cookie = visitor.browser.get_cookie("desk")
    assert cookie is not None
    assert cookie.http_only and cookie.same_site == "Lax" and cookie.path == "/"


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(app: Flask) -> None:
    login = a_person(a_shop(), Role.OWNER)
    before, app.config["PUBLIC_URL"] = app.config["PUBLIC_URL"], "https://desk.example"
    try:
        visitor = Visitor(app)
        visitor.sign_in(login)
        cookie = visitor.browser.get_cookie("__Host-desk")
    finally:
        app.config["PUBLIC_URL"] = before
    assert cookie is not None and cookie.secure and cookie.path == "/" and cookie.origin_only


def test_a_dismissed_person_is_out_at_the_next_request(app: Flask) -> None:
    shop = a_shop()
    boss, clerk = at_desk(app, shop), at_desk(app, shop, Role.MARKETING)
    found = staff.find(f"marketing-{shop.code}", merchant_id=shop.merchant_id)
    assert found is not None
    boss.send("/admin/staff/active/", id=found.id, active="0")
    assert clerk.open("/admin/campaigns/").status_code == 302


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_each_page_opens_for_the_roles_that_may_and_for_no_other(app: Flask, role: Role) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop, role)
    if role is Role.OPERATOR:
        visitor.send("/admin/merchants", merchant=shop.merchant_id)
    for path, right in PAGES.items():
        allowed = right in RIGHTS[role]
        answer = visitor.open(path)
        if path == "/admin/" and not allowed:
            assert answer.status_code == (200 if role is Role.VERIFIER else 302)
        else:
            assert answer.status_code == (200 if allowed else 403), f"{role} {path}"


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_hidden_buttons_posted_by_hand_are_refused(app: Flask, role: Role) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop, role)
    if role is Role.OPERATOR:
        visitor.send("/admin/merchants", merchant=shop.merchant_id)
    for path, right in CHANGES.items():
        status = visitor.send(path, id=999_999).status_code
        if right in RIGHTS[role]:
            assert status in (200, 404), f"{role} {path}"
        else:
            assert status == 403, f"{role} {path}"


def test_the_menu_shows_only_what_opens(app: Flask) -> None:
    text = at_desk(app, a_shop(), Role.CASHIER).read("/admin/coupons/")
    assert "会员列表" in text and "/admin/staff/" not in text and "/admin/campaigns/" not in text


def test_a_verifier_is_told_to_use_the_miniprogram(app: Flask) -> None:
    assert "请在小程序里核销" in at_desk(app, a_shop(), Role.VERIFIER).read("/admin/")


@pytest.mark.parametrize("path", [*CHANGES, "/admin/login", "/admin/logout", "/admin/merchants"])
def test_no_change_is_taken_without_the_pages_token(app: Flask, path: str) -> None:
    visitor = at_desk(app, a_shop())
    assert visitor.browser.post(path, data={"id": "1"}).status_code == 400
    foreign = {"csrf_token": "IjEyMyI.forged.token", "id": "1"}
    assert visitor.browser.post(path, data=foreign).status_code == 400


def test_the_apis_need_no_token_of_the_desk(http: FlaskClient) -> None:
    for path in ("/api/v1/login", "/pos/v1/quotes", "/wechat/callback/wxnone"):
        assert http.post(path, json={}).status_code != 400 or "页面已过期" not in http.post(
            path, json={}
        ).get_data(as_text=True)


def test_every_answer_of_the_desk_carries_its_headers(app: Flask) -> None:
    visitor = at_desk(app, a_shop())
    for path in ("/admin/", "/admin/coupons/", "/admin/login", "/admin/nowhere", "/admin/staff/1"):
        headers = visitor.open(path).headers
        assert "script-src 'self';" in headers["Content-Security-Policy"], path
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Cache-Control"] == "no-store", path


def test_an_operator_chooses_the_merchant_and_the_log_says_so(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    one_of_each(ours)
    one_of_each(theirs)
    visitor = at_desk(app, ours, Role.OPERATOR)
    assert visitor.open("/admin/").location == "/admin/merchants"
    visitor.send("/admin/merchants", merchant=theirs.merchant_id)
    text = visitor.read("/admin/coupons/")
    assert f"{theirs.code}火锅" in text and f"{ours.code}代金券" not in text
    reread()
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "operator.enter"))
    assert [(e.merchant_id, e.actor) for e in entry] == [
        (theirs.merchant_id, f"运营者 operator-{ours.code}")
    ]


def test_nobody_but_the_operator_changes_merchants(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    visitor = at_desk(app, ours)
    assert visitor.send("/admin/merchants", merchant=theirs.merchant_id).status_code == 403
    assert f"{ours.code}火锅" in visitor.read("/admin/")


def test_a_store_manager_sees_the_people_of_the_own_store_only(app: Flask) -> None:
    shop = a_shop()
    rows = one_of_each(shop)
    visitor = at_desk(app, shop, Role.STORE_MANAGER, stores=["s01"])
    assert visitor.open(f"/admin/members/details/?id={rows.members}").status_code == 404
    assert "王霞芳" not in visitor.read("/admin/members/")
    assert visitor.open("/admin/stores/new/").status_code == 403
