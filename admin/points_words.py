"""积分规则的样子: a points campaign's settings as its page tells them."""

from collections.abc import Sequence

from sqlalchemy import select

from backend.campaigns.cadence import ClaimWindow, WindowKind
from backend.campaigns.kinds.consumption_points import ConsumptionPoints
from backend.campaigns.kinds.holiday_points import HolidayPoints
from backend.campaigns.kinds.manual_points import ManualPoints
from backend.campaigns.kinds.points_exchange import PointsExchange
from backend.campaigns.kinds.registration_points import RegistrationPoints
from backend.campaigns.kinds.settings import CampaignSettings
from backend.coupons.models import CouponTemplate
from backend.database import db
from backend.money import yuan

_WEEKDAYS = "一二三四五六日"


def rules_in_words(settings: CampaignSettings) -> list[tuple[str, str]]:
    """Term and words, line by line; none for campaigns about nothing but coupons."""
    match settings:
        case RegistrationPoints():
            return [("注册送", f"{settings.points} 积分")]
        case ConsumptionPoints():
            return _consumption(settings)
        case HolidayPoints():
            return _holiday(settings)
        case ManualPoints():
            return [
                ("手动增加积分", _switch(settings.add)),
                ("手动扣减积分", _switch(settings.subtract)),
            ]
        case PointsExchange():
            return _exchange(settings)
        case _:
            return []


def _consumption(settings: ConsumptionPoints) -> list[tuple[str, str]]:
    everybody = f"每消费 {yuan(settings.per_fen)} 元送 {settings.points} 积分"
    return [
        ("规则", everybody),
        *(
            (level, f"每消费 {yuan(rate.per_fen)} 元送 {rate.points} 积分")
            for level, rate in settings.levels.items()
        ),
        ("优惠券抵扣部分", "计入积分" if settings.count_coupons else "不计入积分"),
        ("储值支付部分", "计入积分" if settings.count_balance else "不计入积分"),
    ]


def _holiday(settings: HolidayPoints) -> list[tuple[str, str]]:
    days = [f"{each.first} 至 {each.last}" for each in settings.ranges]
    days += [f"每周{_WEEKDAYS[day - 1]}" for day in settings.weekdays]
    multiple = settings.multiple
    if isinstance(multiple, int):
        return [("日期", "、".join(days)), ("倍数", f"{multiple} 倍")]
    return [("日期", "、".join(days)), *((level, f"{n} 倍") for level, n in multiple.items())]


def _exchange(settings: PointsExchange) -> list[tuple[str, str]]:
    lines = [("活动介绍", settings.introduction)] if settings.introduction else []
    titles = _titles([offer.template for offer in settings.offers])
    for offer in settings.offers:
        if isinstance(offer.points, int):
            words = f"{offer.points} 积分"
        else:
            prices = ((level, n) for level, n in offer.points.items())
            words = "，".join(f"{level} {n or '不可兑换'}" for level, n in prices)
        lines.append((f"兑换{titles.get(offer.template, offer.template)}", words))
    return [*lines, ("领券时间限制", _window(settings.claim_window))]


def _titles(codes: Sequence[str]) -> dict[str, str]:
    found = select(CouponTemplate.code, CouponTemplate.title).where(CouponTemplate.code.in_(codes))
    return {row.code: row.title for row in db.session.execute(found)}


def _window(window: ClaimWindow) -> str:
    match window.kind:
        case WindowKind.SAME_DAY:
            return "仅兑换当日可领取"
        case WindowKind.DAYS:
            return f"兑换后 {window.days} 天内可领取"
        case WindowKind.ANYTIME:
            return "随时可领取"


def _switch(on: bool) -> str:
    return "收银台可用" if on else "收银台不可用"
