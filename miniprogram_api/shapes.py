"""What several callers are answered alike: coupons, members, dynamic codes (spec/08)."""

from datetime import datetime
from typing import Literal, Self

from pydantic import ConfigDict, Field, JsonValue

from backend.calendar import SHANGHAI
from backend.coupons import qr
from backend.coupons.view import CouponView
from backend.members.view import MemberView
from miniprogram_api.contract import Answer
from miniprogram_api.instants import shown


class StoreAnswer(Answer):
    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    address: str
    phone: str


class CampaignAnswer(Answer):
    model_config = ConfigDict(from_attributes=True)

    id: int
    code: str
    name: str


class CouponAnswer(Answer):
    """Coupon as answered."""

    model_config = ConfigDict(from_attributes=True)

    number: str
    title: str
    kind: str
    state: str
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
    redeemed_store_code: str | None

    @classmethod
    def of(cls, coupon: CouponView) -> Self:
        return cls.model_validate(coupon)


class MemberAnswer(Answer):
    """Member as answered; ``class`` is the customer class, ``level`` the level's name."""

    model_config = ConfigDict(from_attributes=True, serialize_by_alias=True)

    id: int
    nickname: str
    phone_masked: str | None
    customer_class: str = Field(serialization_alias="class")
    level: str | None
    points: int
    balance_fen: int

    @classmethod
    def of(cls, member: MemberView) -> Self:
        return cls.model_validate(member)


class QrAnswer(Answer):
    """A dynamic code: ``text`` is what the picture holds and a scan reads."""

    token: str
    text: str
    expires_at: datetime
    svg: str

    @classmethod
    def of(cls, code: qr.QrToken) -> Self:
        return cls(
            token=code.text,
            text=code.text,
            expires_at=shown(code.expires_at, SHANGHAI),
            svg=qr.svg(code.text),
        )
