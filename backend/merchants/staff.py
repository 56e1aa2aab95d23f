"""员工: who may sign in at the desk, and their sessions on the server (R-20: no default password).

``now`` is the machine's time in everything about sessions: they must not follow a
business clock that somebody sets.
"""

import hashlib
import logging
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import JsonValue
from sqlalchemy import delete, select, update

from backend.database import changed, db, end_read, table_of, transaction, transactional
from backend.errors import Conflict, DomainError, NotFound, Unauthenticated
from backend.merchants import audit, passwords
from backend.merchants.models import Merchant, Role, Staff, StaffSession
from backend.merchants.sign_in_pauses import Try

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
log = logging.getLogger(__name__)


class SignInFailed(Unauthenticated):
    """One text for unknown and wrong, so that nobody learns which logins exist."""

    code = "SIGN_IN_FAILED"
    message = "账号或密码不正确。连续输错5次后须等待几分钟再试"


class WhichMerchant(DomainError):
    code = "WHICH_MERCHANT"
    message = "多个商家有这个账号，请写作 账号@商家编码"
    http_status = 401


class LoginTaken(Conflict):
    code = "LOGIN_TAKEN"
    message = "账号{login}已存在"


class RoleOutOfPlace(DomainError):
    code = "ROLE_OUT_OF_PLACE"
    message = "运营者的员工属于运营者，其他角色属于商家"


class StaffNotFound(NotFound):
    code = "STAFF_NOT_FOUND"
    message = "没有账号{login}"


@transactional
def create(
    login: str,
    *,
    role: Role,
    merchant_id: int | None,
    password: str | None = None,
    name: str = "",
    stores: Sequence[str] | None = None,
    actor: str,
    origin: str = "",
    now: datetime,
) -> tuple[Staff, str]:
    """新建员工. Gives the password back, made at random unless one is given: shown this once."""
    if (role is Role.OPERATOR) is not (merchant_id is None):
        raise RoleOutOfPlace()
    if find(login, merchant_id=merchant_id) is not None:
        raise LoginTaken(login=login)
    if password is not None:
        passwords.require_good(password)
    password = password or passwords.at_random()
    listed: list[JsonValue] | None = None if stores is None else [*stores]
    staff = Staff(
        merchant_id=merchant_id,
        login=login,
        name=name,
        role=role,
        stores=listed,
        password_hash=passwords.hashed(password),
        created_at=now,
    )
    db.session.add(staff)
    db.session.flush()
    audit.record(
        "staff.create",
        subject=f"staff {login}",
        actor=actor,
        merchant_id=merchant_id,
        after={"login": login, "role": role.value, "stores": listed},
        origin=origin,
        now=now,
    )
    return staff, password


@transactional
def reset(staff_id: int, *, actor: str, origin: str = "", now: datetime) -> str:
    """重置密码. A new random one, shown this once; every session of theirs ends."""
    staff = db.session.get_one(Staff, staff_id)
    password = passwords.at_random()
    staff.password_hash = passwords.hashed(password)
    sign_out_everywhere(staff_id)
    audit.record(
        "staff.reset",
        subject=f"staff {staff.login}",
        actor=actor,
        merchant_id=staff.merchant_id,
        origin=origin,
        now=now,
    )
    return password


def find(login: str, *, merchant_id: int | None) -> Staff | None:
    """The person with this login at this merchant; at the operator where it is empty."""
    return db.session.scalars(
        select(Staff).where(
            Staff.login == login, Staff.merchant_id.is_not_distinct_from(merchant_id)
        )
    ).one_or_none()


def sign_in(login: str, password: str, *, origin: str, now: datetime) -> tuple[str, Staff]:
    """登录 with ``boss`` or ``boss@merchantcode``: a new session's token and the person.

    Unknown logins take as long as wrong passwords. The password is judged outside of any
    transaction. WhichMerchant before any password is judged; TooManyTries at this ``origin``,
    while the person signs in from any other.
    """
    person = _who_is_it(login)
    tried = Try(login.strip() if person is None else f"staff {person.id}", origin)
    stored = None if person is None else person.password_hash
    end_read()
    tried.begin()
    if not passwords.matches(password, stored) or person is None:
        log.warning("sign-in refused", extra={"origin": origin})
        raise SignInFailed()
    tried.was_right()
    return _new_session(person.id, now=now), db.session.get_one(Staff, person.id)


def session_staff(token: str, *, now: datetime) -> Staff | None:
    """Who this session belongs to, while it lives; see ``session_of``."""
    session = session_of(token, now=now)
    return None if session is None else db.session.get(Staff, session.staff_id)


def session_of(token: str, *, now: datetime) -> StaffSession | None:
    """登录会话 while it lives: 30 minutes since it was last seen, 12 hours in all, and only while
    the person is active. Seen again at most once a minute, so that reading pages writes little."""
    session = db.session.scalars(
        select(StaffSession)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(
            StaffSession.token_hash == _hash(token),
            StaffSession.seen_at > now - IDLE,
            StaffSession.created_at > now - LONGEST,
            Staff.active.is_(True),
        )
    ).one_or_none()
    if session is not None and session.seen_at < now - timedelta(minutes=1):
        with transaction():
            table = table_of(StaffSession)
            changed(update(table).where(table.c.id == session.id).values(seen_at=now))
        db.session.refresh(session)
    return session


@transactional
def sign_out(token: str) -> None:
    """退出登录. The row goes; the cookie is worth nothing from then on."""
    changed(delete(StaffSession).where(StaffSession.token_hash == _hash(token)))


@transactional
def sign_out_everywhere(staff_id: int) -> None:
    """退出所有设备."""
    changed(delete(StaffSession).where(StaffSession.staff_id == staff_id))


@transactional
def sign_out_all() -> None:
    """After a restore: sessions that were ended since the backup must not come back."""
    changed(delete(StaffSession))


def _who_is_it(login: str) -> Staff | None:
    """The active person whom this login means. A login may itself contain an ``@``, but who is
    named with their merchant comes first: nobody elsewhere can take that name from them."""
    name, _, code = login.strip().rpartition("@")
    found = _named(name, code) if name else None
    if found is not None:
        return found
    same = db.session.scalars(
        select(Staff).where(Staff.login == login.strip(), Staff.active.is_(True)).limit(2)
    ).all()
    if len(same) > 1:
        raise WhichMerchant()
    return same[0] if same else None


def _named(login: str, merchant_code: str) -> Staff | None:
    return db.session.scalars(
        select(Staff)
        .join(Merchant, Merchant.id == Staff.merchant_id)
        .where(Staff.login == login, Merchant.code == merchant_code, Staff.active.is_(True))
    ).one_or_none()


@transactional
def _new_session(staff_id: int, *, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    dead = (StaffSession.seen_at <= now - IDLE) | (StaffSession.created_at <= now - LONGEST)
    changed(delete(StaffSession).where(StaffSession.staff_id == staff_id, dead))
    db.session.add(
        StaffSession(
            staff_id=staff_id, token_hash=_hash(token), content={}, created_at=now, seen_at=now
        )
    )
    return token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
