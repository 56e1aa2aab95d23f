"""数据库. Bring the tables up to date, start the business clock, say whether anybody lives here,
and where nobody does make those who live here first.

One process for all, because each would load the whole application. Prints ``empty`` or
``inhabited``; before it, where the data is a copy, that it does no work; after it what is being
made, and a JSON line for everybody who can sign in now.
"""

import argparse
import gc
import json
import os
from datetime import datetime

from sqlalchemy import select

from backend import clock, installation, schema, statistics
from backend.application import backend_app
from backend.database import db
from backend.merchants.models import Merchant
from backend.settings import load
from scripts.supervisor import operator


def main() -> None:
    """What ``flask db upgrade`` does, the two questions, and the first ones."""
    parser = argparse.ArgumentParser(prog="python -m scripts.supervisor.prepare")
    parser.add_argument("--first", choices=("demo", "operator"))
    first = parser.parse_args().first
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
        print("inhabited" if somebody else "empty", flush=True)
        if first and not somebody:
            for login in _demo() if first == "demo" else operator.first():
                print(json.dumps(login, ensure_ascii=False), flush=True)
            statistics.refresh()


def _demo() -> list[dict[str, str]]:
    gc.disable()  # what is made now lives to the end
    from scripts.demo.first_run import first_run

    return first_run(lambda progress: print(progress, flush=True))


def _instant(text: str) -> datetime:
    """A time without a zone means the machine's, which the supervisor sets to Asia/Shanghai."""
    return datetime.fromisoformat(text).astimezone()


if __name__ == "__main__":
    main()
