"""数据库. Bring the tables up to date, start the business clock, say whether anybody lives here.

One process for all, because each would load the whole application. Prints ``empty`` or
``inhabited`` on its last line; before it, where the data is a copy, that it does no work.
"""

import os
from datetime import datetime

from sqlalchemy import select

from backend import clock, installation, schema
from backend.application import backend_app
from backend.database import db
from backend.merchants.models import Merchant
from backend.settings import load


def main() -> None:
    """What ``flask db upgrade`` does, and then the two questions."""
    app = backend_app(load())
    schema.register(app)
    with app.app_context():
        schema.upgrade()
        installation.greet()
        if why := installation.why_not_living():
            print(installation.NotTheLivingOne(why=why).message)
        somebody = db.session.execute(select(Merchant.__table__.c.id).limit(1)).first()
        if start := os.environ.get("CLOCK_START"):
            clock.start_at(_instant(start), nothing_recorded=somebody is None)
    print("inhabited" if somebody else "empty")


def _instant(text: str) -> datetime:
    """A time without a zone means the machine's, which the supervisor sets to Asia/Shanghai."""
    return datetime.fromisoformat(text).astimezone()


if __name__ == "__main__":
    main()
