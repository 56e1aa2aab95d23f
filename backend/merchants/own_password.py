"""修改密码: one's own, with the old one; all other sessions end.

Old passwords are counted before they are tried, on the session itself: whoever found a desk that
was left open has five tries, then the session is over.
"""

from datetime import datetime

from sqlalchemy import delete, select, update

from backend.database import changed, db, end_read, table_of, transactional
from backend.errors import Conflict, DomainError, Unauthenticated
from backend.merchants import audit, passwords, staff
from backend.merchants.models import Staff, StaffSession

TRIES = 5
_COUNTED = "old_password_tries"


class OldPasswordWrong(DomainError):
    code = "OLD_PASSWORD_WRONG"
    message = "原密码不正确。连续输错5次后须重新登录"


class PasswordUnchanged(DomainError):
    code = "PASSWORD_UNCHANGED"
    message = "新密码不能和原密码相同"


class PasswordJustChanged(Conflict):
    code = "PASSWORD_JUST_CHANGED"
    message = "密码刚刚已被修改，请重新登录"


def change(
    token: str, old: str, new: str, *, origin: str = "", machine: datetime, now: datetime
) -> None:
    """修改密码 of whom the session belongs to. The passwords are judged outside of any
    transaction; ``machine`` is the time that sessions know."""
    session = staff.session_of(token, now=machine)
    if session is None or not _counted(session.id):
        raise Unauthenticated()
    person = db.session.get_one(Staff, session.staff_id)
    session_id, stored = session.id, person.password_hash
    end_read()
    if not passwords.matches(old, stored):
        raise OldPasswordWrong()
    if new == old:
        raise PasswordUnchanged()
    passwords.require_good(new)
    _store(session_id, stored, passwords.hashed(new), origin=origin, now=now)


@transactional
def _counted(session_id: int) -> bool:
    """One more try; False, and the session is over, if it was one too many."""
    session = db.session.scalars(
        select(StaffSession).where(StaffSession.id == session_id).with_for_update()
    ).one_or_none()
    if session is None:
        return False
    tries = int(str(session.content.get(_COUNTED, 0))) + 1
    if tries > TRIES:
        changed(delete(StaffSession).where(StaffSession.id == session_id))
        return False
    session.content = {**session.content, _COUNTED: tries}
    return True


@transactional
def _store(session_id: int, before: str, after: str, *, origin: str, now: datetime) -> None:
    session = db.session.get_one(StaffSession, session_id)
    person = db.session.get_one(Staff, session.staff_id)
    table = table_of(Staff)
    won = changed(
        update(table)
        .where(table.c.id == person.id, table.c.password_hash == before)
        .values(password_hash=after)
    )
    if not won:
        raise PasswordJustChanged()
    session.content = {key: value for key, value in session.content.items() if key != _COUNTED}
    changed(
        delete(StaffSession).where(
            StaffSession.staff_id == person.id, StaffSession.id != session_id
        )
    )
    audit.record(
        "staff.password",
        subject=f"staff {person.login}",
        actor=person.login,
        merchant_id=person.merchant_id,
        origin=origin,
        now=now,
    )
