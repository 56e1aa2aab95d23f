"""修改密码: anybody's own, with the old one; other sessions end; guesses are counted; the log says
so (fault of trust 17)."""

import pytest
from flask import Flask
from sqlalchemy import select

from backend.database import db
from backend.merchants.models import AuditEntry, Role
from tests.admin.desk import PASSWORD, Visitor, at_desk
from tests.builders import a_shop

NEW = "another-horse-8"


def sent(visitor: Visitor, old: str = PASSWORD, new: str = NEW, again: str = NEW) -> str:
    visitor.open("/admin/password")
    answer = visitor.send("/admin/password", old=old, new=new, again=again)
    if answer.status_code == 302:
        return str(answer.location)
    return answer.get_data(as_text=True)


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_anybody_changes_their_own_password_and_other_sessions_end(app: Flask, role: Role) -> None:
    shop = a_shop()
    here = at_desk(app, shop, role)
    login, elsewhere = f"{role.value}-{shop.code}", Visitor(app)
    assert elsewhere.sign_in(login).status_code == 302
    assert sent(here) == "/admin/password"
    assert here.open("/admin/password").status_code == 200
    assert elsewhere.open("/admin/password").location.startswith("/admin/login")
    assert Visitor(app).sign_in(login).status_code == 401
    assert Visitor(app).sign_in(login, NEW).status_code == 302
    entry = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "staff.password")
    ).one()
    assert (entry.actor, entry.before, entry.after) == (login, None, None)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"old": "wrong-horse-77"}, "原密码不正确"),
        ({"again": "another-horse-9"}, "两次输入的新密码不一致"),
        ({"new": "short", "again": "short"}, "密码至少10个字符"),
        ({"new": "1234567890", "again": "1234567890"}, "密码太常见"),
        ({"new": PASSWORD, "again": PASSWORD}, "新密码不能和原密码相同"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(
    app: Flask, given: dict[str, str], told: str
) -> None:
    shop = a_shop()
    assert told in sent(at_desk(app, shop), **given)
    assert Visitor(app).sign_in(f"owner-{shop.code}").status_code == 302


def test_who_guesses_at_a_desk_left_open_is_out_after_five_tries(app: Flask) -> None:
    visitor = at_desk(app, a_shop())
    for _ in range(5):
        assert "原密码不正确" in sent(visitor, old="wrong-horse-77")
    assert sent(visitor) == "/admin/login"
    assert visitor.open("/admin/").location.startswith("/admin/login")


def test_a_stranger_is_sent_to_the_login(app: Flask) -> None:
    assert Visitor(app).open("/admin/password").location.startswith("/admin/login")
