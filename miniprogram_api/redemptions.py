"""核销 as verifiers and tills are answered: the sheet before, the record after."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from backend.card_pack.at_counter import RedemptionPreview
from backend.redemption.redeem import Redeemed
from miniprogram_api.answers import CouponAnswer
from miniprogram_api.contract import Answer, Body, Text

Scan = Annotated[str, Field(min_length=1, max_length=200, description="券号，或扫到的内容")]


class UndoBody(Body):
    """撤销, with its reason."""

    reason: Annotated[Text, Field(min_length=1, pattern=r"\S")]


class SheetAnswer(Answer):
    """核销通知 (S4-23): what staff see before they confirm."""

    coupon: CouponAnswer
    owner: str
    give: str
    warnings: list[str]

    @classmethod
    def of(cls, sheet: RedemptionPreview) -> Self:
        return cls(
            coupon=CouponAnswer.of(sheet.coupon),
            owner=sheet.owner,
            give=sheet.give,
            warnings=sheet.warnings,
        )


class RedemptionAnswer(Answer):
    """核销记录; ``store`` is its code."""

    id: int
    number: str
    title: str
    store: str
    store_name: str
    at: datetime
    by: str


class RedeemedAnswer(Answer):
    """核销成功."""

    redemption: RedemptionAnswer

    @classmethod
    def of(cls, done: Redeemed) -> Self:
        return cls(
            redemption=RedemptionAnswer(
                id=done.id,
                number=done.number,
                title=done.title,
                store=done.store_code,
                store_name=done.store_name,
                at=done.at,
                by=done.by,
            )
        )
