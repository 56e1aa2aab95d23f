"""商家 itself: name, rules that have no section of their own, 营销包年."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)
from sqlalchemy import select

from backend.campaigns.models import CampaignKind
from backend.database import db
from backend.membership import levels
from backend.merchants.models import Merchant, Subscription
from backend.merchants.settings import (
    HouseSettings,
    PointsSettings,
    RechargeSettings,
    ReplySettings,
    Settings,
    SmsSettings,
)
from backend.messaging.settings import MessageSettings
from backend.setup.applying import Applying
from backend.setup.section import Code, Day, Name, Phone, Section
from backend.setup.sections.campaigns import NOT_YET
from backend.setup.sections.messages import Menu


def _known_kind(kind: str) -> str:
    if kind not in {*CampaignKind, *NOT_YET}:
        raise ValueError("没有这种活动")
    return kind


class Period(Section):
    """营销包年; both days count. Without ``kinds`` it is for every kind of campaign."""

    starts_on: Day = Field(alias="from")
    ends_on: Day = Field(alias="to")
    kinds: list[Annotated[str, AfterValidator(_known_kind)]] = []

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError("结束日期早于开始日期")
        return self


def _listed(value: object) -> object:
    """One period, or several."""
    return [value] if isinstance(value, dict) else value


class Refund(Section):
    """退款: ``reissue``: coupons that come back are good until the end of the next day at least."""

    reissue: bool = False


class Profile(Section, HouseSettings):
    """What stands directly in a merchant's entry."""

    code: Code
    name: Name | None = None
    contact: Annotated[str, StringConstraints(max_length=60)] = ""
    phone: Phone = ""
    address: Annotated[str, StringConstraints(max_length=200)] = ""
    introduction: Annotated[str, StringConstraints(max_length=5000)] = ""
    receipt_footer: Annotated[str, StringConstraints(max_length=200)] = ""
    subscription: Annotated[list[Period] | None, BeforeValidator(_listed)] = None
    week: Literal["natural", "rolling"] = "natural"
    points: PointsSettings = PointsSettings()
    recharge: RechargeSettings = RechargeSettings()
    refund: Refund = Refund()
    sms: SmsSettings = SmsSettings()
    message_rules: MessageSettings = MessageSettings()
    replies: ReplySettings = ReplySettings()
    menu: Menu = []


_COLUMNS = (
    "name",
    "zone",
    "contact",
    "phone",
    "address",
    "introduction",
    "receipt_footer",
    "sharing",
    "registration",
    "levels_match",
    "levels_period",
    "levels_keep",
    "reminder_quiet_days",
    "rounding_fen",
)
_GROUPS = tuple(
    group.name
    for group in (PointsSettings, RechargeSettings, SmsSettings, MessageSettings, ReplySettings)
)


def by_code(code: str) -> Merchant | None:
    """The merchant of this code."""
    return db.session.scalars(select(Merchant).where(Merchant.code == code)).one_or_none()


def apply(profile: Profile, run: Applying, *, at: str) -> Merchant | None:
    """商家. In each group of settings (``points``, ``replies`` …) what is not named stays."""
    merchant = by_code(profile.code)
    if profile.name is None and (merchant is None or "name" in profile.model_fields_set):
        run.refuse(f"{at}.name", "必填")
        return None
    named = profile.named(*_COLUMNS)
    if "week" in profile.model_fields_set:
        named["rolling_week"] = profile.week == "rolling"
    if "reissue" in profile.refund.model_fields_set:
        named["refund_reissue"] = profile.refund.reissue
    for name in _GROUPS:
        if name in profile.model_fields_set:
            group: Settings = getattr(profile, name)
            stored = getattr(merchant, name) if merchant else {}
            named[name] = {**stored, **group.model_dump(mode="json", exclude_unset=True)}
    if "menu" in profile.model_fields_set:
        named["menu"] = [button.model_dump(exclude_unset=True) for button in profile.menu]
    run.merchant_id, run.merchant_code = (merchant.id if merchant else None), profile.code
    kept = merchant.levels_keep if merchant else None
    merchant = merchant or Merchant(code=profile.code, created_at=run.now)
    run.store(merchant, named, subject=f"merchant {profile.code}")
    if merchant.levels_keep != kept:
        levels.begin_period(merchant, now=run.now)
    run.merchant_id = merchant.id
    return merchant


def apply_subscription(profile: Profile, run: Applying) -> None:
    """营销包年. The periods that are named are all there are; null or an empty list ends it."""
    if "subscription" not in profile.model_fields_set:
        return
    wanted = _periods(profile.subscription)
    rows = db.session.scalars(select(Subscription).order_by(Subscription.starts_on)).all()
    before = [(row.starts_on, row.ends_on, row.kinds) for row in rows]
    if before == wanted:
        return
    for row in rows:
        db.session.delete(row)
    for starts_on, ends_on, kinds in wanted:
        db.session.add(
            Subscription(
                merchant_id=run.merchant_id, starts_on=starts_on, ends_on=ends_on, kinds=kinds
            )
        )
    run.note(
        "subscription",
        before={"periods": before} if before else None,
        after={"periods": wanted},
    )


def export(merchant: Merchant) -> dict[str, JsonValue]:
    """The merchant's own keys."""
    entry: dict[str, JsonValue] = {"code": merchant.code, "name": merchant.name}
    entry["zone"] = merchant.zone
    for name in ("contact", "phone", "address", "introduction", "receipt_footer"):
        if value := getattr(merchant, name):
            entry[name] = value
    periods: list[JsonValue] = [
        {"from": row.starts_on.isoformat(), "to": row.ends_on.isoformat()}
        | ({"kinds": row.kinds} if row.kinds else {})
        for row in db.session.scalars(select(Subscription).order_by(Subscription.starts_on))
    ]
    if periods:
        entry["subscription"] = periods[0] if len(periods) == 1 else periods
    entry |= {
        "sharing": merchant.sharing,
        "registration": merchant.registration,
        "levels_match": merchant.levels_match,
        "levels_period": merchant.levels_period,
        "levels_keep": merchant.levels_keep,
        "week": "rolling" if merchant.rolling_week else "natural",
        "reminder_quiet_days": merchant.reminder_quiet_days,
        "rounding_fen": merchant.rounding_fen,
    }
    if merchant.refund_reissue:
        entry["refund"] = {"reissue": True}
    for name in (*_GROUPS, "menu"):
        if value := getattr(merchant, name):
            entry[name] = value
    return entry


def _periods(named: Sequence[Period] | None) -> list[tuple[Day, Day, list[str]]]:
    told = [(period.starts_on, period.ends_on, list(period.kinds)) for period in named or ()]
    return sorted(told, key=lambda period: period[:2])
