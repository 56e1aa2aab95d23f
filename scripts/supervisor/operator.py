"""运营者. The first operator of an empty deployment, with a random password."""

from sqlalchemy import select

from backend import clock
from backend.database import db
from backend.merchants import staff
from backend.merchants.models import Role, Staff

LOGIN = "operator"


def first() -> list[dict[str, str]]:
    """``{"who","login","password"}``; nothing where somebody can sign in already: the password was
    told when they were made."""
    if db.session.scalar(select(Staff.id).limit(1)) is not None:
        return []
    made, password = staff.create(
        LOGIN,
        role=Role.OPERATOR,
        merchant_id=None,
        actor="command",
        origin="first start",
        now=clock.now(),
    )
    return [{"who": "运营者 · operator", "login": made.login, "password": password}]
