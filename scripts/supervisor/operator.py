"""运营者. The first operator of an empty deployment: prints login and random password, once."""

import json

from sqlalchemy import select

from backend import clock
from backend.application import backend_app
from backend.database import db
from backend.merchants import staff
from backend.merchants.models import Role, Staff
from backend.settings import load

LOGIN = "operator"


def main() -> None:
    """Nothing where somebody can sign in already: the password was told when they were made."""
    with backend_app(load()).app_context():
        if db.session.scalar(select(Staff.id).limit(1)) is not None:
            return
        made, password = staff.create(
            LOGIN,
            role=Role.OPERATOR,
            merchant_id=None,
            actor="command",
            origin="first start",
            now=clock.now(),
        )
        told = {"who": "运营者 · operator", "login": made.login, "password": password}
        print(json.dumps(told, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
