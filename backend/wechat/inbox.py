"""推送收件箱: kept long enough to know any repeat, then forgotten."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select

from backend.database import changed, db, table_of, transactional
from backend.wechat.models import CallbackInbox, InboxState

KEPT = timedelta(days=30)

_inbox = table_of(CallbackInbox)


@transactional
def forget_old(*, now: datetime) -> int:
    """Forget the pushes of more than a month ago; how many."""
    return changed(delete(_inbox).where(_inbox.c.received_at < now - KEPT))


@transactional
def keep_unread(app_id: str, body: bytes, *, now: datetime) -> None:
    """Keep a rightly signed push that nothing here can read, once however often it is repeated."""
    key = hashlib.sha256(app_id.encode() + b" " + body).hexdigest()
    same = (_inbox.c.app_id == app_id) & (_inbox.c.dedupe_key == key)
    if db.session.connection().execute(select(_inbox.c.id).where(same)).first() is not None:
        return
    changed(
        insert(_inbox).values(
            app_id=app_id,
            dedupe_key=key,
            kind="",
            openid="",
            content={"body": body.decode(errors="backslashreplace").replace("\0", "\\x00")},
            reply="",
            state=InboxState.UNREAD.value,
            received_at=now,
        )
    )
