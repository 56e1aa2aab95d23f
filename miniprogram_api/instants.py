"""Times as answered: RFC 3339 with the merchant's offset, to the second."""

from datetime import datetime
from zoneinfo import ZoneInfo

from backend.calendar import local


def shown(at: datetime, zone: ZoneInfo) -> datetime:
    """``2026-11-23T09:00:00+08:00``."""
    return local(at, zone).replace(microsecond=0)
