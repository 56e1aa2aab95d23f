"""Coupon and member as every API answers them (spec/08)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self

from pydantic import ConfigDict, Field, JsonValue

from backend.card_pack.view import CouponView
from backend.members.view import MemberView
from miniprogram_api.contract import Answer


class StoreAnswer(Answer):
    """门店."""

    model_config = ConfigDict(from_attributes=True)
    code: str
    name: str
    address: str
    phone: str


class CampaignAnswer(Answer):
    """活动 behind a coupon."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    code: str
    name: str
    description: str


class CouponAnswer(Answer):
    """券."""

    model_config = ConfigDict(from_attributes=True)
    number: str
    title: str
    kind: str
    state: Literal["usable", "locked", "gifting", "redeemed", "expired", "revoked"]
    valid_from: datetime
    valid_to: datetime
    rule: dict[str, JsonValue]
    minimum_fen: int
    stores: Literal["all"] | list[StoreAnswer]
    campaign: CampaignAnswer
    template_id: int
    template: str
    giftable: bool
    source: str
    claimed_at: datetime
    redeemed_at: datetime | None
    redeemed_store: str | None

    @classmethod
    def of(cls, coupon: CouponView) -> Self:
        """The coupon without what is ours alone."""
        return cls.model_validate(coupon)

    @classmethod
    def each(cls, coupons: Sequence[CouponView]) -> list[Self]:
        """All of them, in order."""
        return [cls.of(coupon) for coupon in coupons]


class MemberAnswer(Answer):
    """会员; ``class`` is the customer class, ``level`` the level's name."""

    model_config = ConfigDict(from_attributes=True, serialize_by_alias=True)
    id: int
    nickname: str
    phone_masked: str | None
    customer_class: Literal["new", "ordinary", "loyal"] = Field(serialization_alias="class")
    level: str | None
    points: int
    balance_fen: int

    @classmethod
    def of(cls, member: MemberView) -> Self:
        """The member as the person and a till may see them."""
        return cls.model_validate(member)
