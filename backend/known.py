"""一问一次: what is read once in a transaction, or in a read, however many ask.

The next one asks anew, and so does who has written rows by the session. Who writes by statement
what somebody may have asked says how it stands then.
"""

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from backend.database import db

T = TypeVar("T")


def asked_once(question: Hashable, ask: Callable[[], T]) -> T:
    """What ``ask`` gives, or gave here before."""
    known = db.session().info.setdefault("known", {})
    if question not in known:
        known[question] = ask()
    return cast(T, known[question])


@event.listens_for(Session, "after_flush")
def _written(session: Session, *_: object) -> None:
    session.info.pop("known", None)


@event.listens_for(Session, "after_transaction_end")
def _ended(session: Session, ended: SessionTransaction) -> None:
    if ended.parent is None:
        session.info.pop("known", None)
