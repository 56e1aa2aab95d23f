"""使用期: from when until when a coupon may be used. Half-open, judged by the instant alone."""

from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from backend.calendar import Span, day_of, days
from backend.coupons.terms import FixedValidity, RelativeValidity


class Age(StrEnum):
    """Where an instant lies in the use window."""

    NOT_STARTED = "not_started"
    IN_WINDOW = "in_window"
    EXPIRED = "expired"


def use_window(
    validity: FixedValidity | RelativeValidity, *, claimed_at: datetime, zone: ZoneInfo
) -> Span:
    """使用期 of a coupon claimed at ``claimed_at``.

    Fixed: the dates, whenever it was claimed. Relative, counted from the claim and not from the
    issue (S3-37): whole natural days, the first one ``after_days`` after the day of the claim.
    Claimed on the 10th at 15:00, 7 days, at once → the 10th 00:00 until the 16th 24:00; from
    tomorrow → the 11th 00:00 until the 17th 24:00.
    """
    match validity:
        case FixedValidity(first=first, last=last):
            return days(first, last, zone)
        case RelativeValidity(days=length, after_days=after_days):
            first = day_of(claimed_at, zone) + timedelta(days=after_days)
            return days(first, first + timedelta(days=length - 1), zone)


def age(at: datetime, *, valid_from: datetime, valid_until: datetime) -> Age:
    """Expiry is true at the instant: at ``valid_until`` itself the coupon is over."""
    if at < valid_from:
        return Age.NOT_STARTED
    return Age.IN_WINDOW if at < valid_until else Age.EXPIRED
