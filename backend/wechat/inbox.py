"""推送收件箱: kept long enough to know any repeat, then forgotten."""

from datetime import datetime, timedelta

from sqlalchemy import delete

from backend.database import changed, table_of, transactional
from backend.wechat.models import CallbackInbox

KEPT = timedelta(days=30)

_inbox = table_of(CallbackInbox)


@transactional
def forget_old(*, now: datetime) -> int:
    """Forget the pushes of more than a month ago; how many."""
    return changed(delete(_inbox).where(_inbox.c.received_at < now - KEPT))
