"""券的样子: one coupon as its holder, a verifier and a till are answered (spec/08)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import RowMapping

from backend.calendar import local
from backend.coupons.models import CouponState
from backend.coupons.promise import promised_stores
from backend.merchants import queries as merchants
from backend.merchants.queries import StoreCard

_OPEN = (CouponState.USABLE, CouponState.LOCKED, CouponState.GIFTING)


@dataclass(frozen=True)
class CampaignName:
    """活动 behind a coupon as its holder may know it, its page too (S3-07)."""

    id: int
    code: str
    name: str
    description: str


@dataclass(frozen=True)
class CouponView:
    """Coupon as answered. Times stand in the merchant's zone; ``valid_to`` is the last good second.

    ``id`` and ``holder_id`` are ours and never answered.
    """

    id: int
    holder_id: int
    number: str
    title: str
    kind: str
    state: str
    valid_from: datetime
    valid_to: datetime
    rule: Mapping[str, JsonValue]
    minimum_fen: int
    stores: Literal["all"] | list[StoreCard]
    campaign: CampaignName
    template_id: int
    template: str
    giftable: bool
    source: str
    claimed_at: datetime
    redeemed_at: datetime | None
    redeemed_store: str | None


def state_at(
    state: str, *, valid_until: datetime, locked_until: datetime | None, now: datetime
) -> str:
    """The state at this instant: expiry is true by time alone, and a lock that is over is none."""
    if state in _OPEN and valid_until <= now:
        return "expired"
    if state == CouponState.LOCKED and locked_until is not None and locked_until <= now:
        return CouponState.USABLE.value
    return state


def view(
    row: RowMapping, *, number: str, stores: Mapping[str, StoreCard], now: datetime
) -> CouponView:
    """A stored coupon as answered; ``stores`` are the merchant's, by code."""
    zone = ZoneInfo(row["zone"])
    return CouponView(
        id=row["id"],
        holder_id=row["member_id"],
        number=number,
        title=row["title"],
        kind=row["kind"],
        state=state_at(
            row["state"],
            valid_until=row["valid_until"],
            locked_until=row["locked_until"],
            now=now,
        ),
        valid_from=_shown(row["valid_from"], zone),
        valid_to=_shown(row["valid_until"] - timedelta(microseconds=1), zone),
        rule=row["rule"],
        minimum_fen=row["minimum_fen"],
        stores=stores_shown(row, stores),
        campaign=campaign_shown(row),
        template_id=row["template_id"],
        template=row["template_code"],
        giftable=row["giftable"],
        source=row["source"],
        claimed_at=_shown(row["claimed_at"], zone),
        redeemed_at=_shown(row["redeemed_at"], zone) if row["redeemed_at"] else None,
        redeemed_store=row["redeemed_store"],
    )


def store_cards(rows: Sequence[RowMapping]) -> dict[str, StoreCard]:
    """The stores that these promises name, by code."""
    codes = {code for row in rows for code in _codes(row) or ()}
    return {card.code: card for card in merchants.store_cards(sorted(codes))} if codes else {}


def stores_shown(
    row: RowMapping, stores: Mapping[str, StoreCard]
) -> Literal["all"] | list[StoreCard]:
    """适用门店 of a promise, as cards."""
    codes = _codes(row)
    if codes is None:
        return "all"
    return [stores[code] for code in sorted(codes) if code in stores]


def campaign_shown(row: RowMapping) -> CampaignName:
    """活动 of a promise."""
    return CampaignName(
        row["campaign_id"], row["campaign_code"], row["campaign_name"], row["campaign_description"]
    )


def _codes(row: RowMapping) -> frozenset[str] | None:
    return promised_stores(row["promised_stores"], row["stores_now"])


def _shown(at: datetime, zone: ZoneInfo) -> datetime:
    return local(at, zone).replace(microsecond=0)
