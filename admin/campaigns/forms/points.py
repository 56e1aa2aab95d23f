"""积分规则表单: 注册送积分, 消费送积分, 节假日多倍积分, 手动增减积分 (S2-17…28)."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import JsonValue
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, RadioField

from admin import access
from admin.campaigns.forms.form import CampaignForm, KindForm, filled, stored, whole
from admin.campaigns.forms.levels import sent_levels, stored_levels
from admin.fields import DaysField, Needed, Pills, WholeField, YuanField, choices
from admin.template_form import WEEKDAYS
from backend import clock
from backend.calendar import day_of
from backend.campaigns import legal_holidays
from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.holiday_points import MOST_RANGES
from backend.campaigns.models import Campaign
from backend.campaigns.programmes.points import (
    CONSUMPTION_POINTS,
    HOLIDAY_POINTS,
    MANUAL_POINTS,
    REGISTRATION_POINTS,
)
from backend.campaigns.programmes.programme import Programme
from backend.errors import FieldError
from backend.money import parse_yuan, yuan

_WEEKDAYS = "一二三四五六日"
_SCOPES = choices(("all", "所有会员相同"), ("levels", "按会员等级设置"))


class RegistrationForm(CampaignForm):
    """注册送积分."""

    points = WholeField("注册送", [Needed()], least=1, most=10**6)


class ConsumptionForm(CampaignForm):
    """消费送积分; the levels' own rules are read by ``settings``."""

    per = YuanField("每消费", [Needed()])
    points = WholeField("送", [Needed()], most=10**6)
    scope = RadioField("适用会员", choices=_SCOPES, default="all")
    count_coupons = BooleanField("优惠券抵扣部分", default=True)
    count_balance = BooleanField("储值支付部分", default=True)


class HolidayForm(CampaignForm):
    """节假日多倍积分; ranges and levels are read by ``settings``."""

    mode = RadioField(
        "日期方式",
        choices=choices(("ranges", "按节假日（日期范围）"), ("weekdays", "固定日期（每周几）")),
        default="ranges",
    )
    weekdays = Pills("每周", choices=choices(*WEEKDAYS), coerce=int)
    scope = RadioField("适用会员", choices=_SCOPES, default="all")
    times = WholeField("积分倍数", least=1, most=100)


class ManualForm(CampaignForm):
    """手动增减积分."""

    add = BooleanField("手动增加积分")
    subtract = BooleanField("手动扣减积分")


FormT = TypeVar("FormT", bound=CampaignForm)


class PointsForm(KindForm[FormT]):
    """What the forms about points share."""

    template = "desk/points_form.html"
    section = "积分"
    pauses = "暂停后，这条积分规则从现在起不再生效；已有的积分不受影响。"
    starts = "启动后，这条积分规则立即生效。"
    programme: Programme[Any]
    told: str
    """What the rule does, above its fields."""
    begins: Mapping[str, object] = {}

    def begun(self, row: Campaign | None) -> dict[str, Any]:
        if row is None:
            return {"name": self.programme.label, **self.begins}
        return filled(row) | stored(row)

    def facts(self, row: Campaign | None, sent: MultiDict[str, str] | None) -> Mapping[str, object]:
        said = stored(row)
        ranges = [f"{days['from']} 至 {days['to']}" for days in said.get("ranges", [])]
        return {
            "kind": self.programme.kind,
            "told": self.told,
            "levels": stored_levels(said) if sent is None else sent_levels(sent),
            "ranges": ranges if sent is None else sent.getlist("range")[:MOST_RANGES],
            "holidays": [
                (holiday.words, f"{holiday.first} 至 {holiday.last}")
                for holiday in legal_holidays.coming(day_of(clock.now(), access.shop().zone))
            ],
        }


class RegistrationPointsForm(PointsForm[RegistrationForm]):
    """注册送积分."""

    programme = REGISTRATION_POINTS
    form = RegistrationForm
    help = "唯一 · 新会员注册立即得积分"
    told = "新会员注册成功，积分立即到账，每人一次"
    begins = {"points": 50}

    def settings(
        self, form: RegistrationForm, row: Campaign | None, sent: MultiDict[str, str]
    ) -> dict[str, JsonValue]:
        return {"points": form.points.data}

    def in_words(self, row: Campaign) -> list[tuple[str, str]]:
        return [("注册送", f"{REGISTRATION_POINTS.settings_of(row).points} 积分")]


class ConsumptionPointsForm(PointsForm[ConsumptionForm]):
    """消费送积分."""

    programme = CONSUMPTION_POINTS
    form = ConsumptionForm
    help = "唯一 · 按消费金额送，可按等级设置"
    told = "收银时识别了会员的账单，结账后按应付金额送积分，不足部分舍去"
    begins = {"per": 100, "points": 1}

    def begun(self, row: Campaign | None) -> dict[str, Any]:
        begun = super().begun(row)
        if row is not None:
            begun |= {"per": begun["per_fen"], "scope": "levels" if begun["levels"] else "all"}
        return begun

    def settings(
        self, form: ConsumptionForm, row: Campaign | None, sent: MultiDict[str, str]
    ) -> dict[str, JsonValue]:
        return {
            "per_fen": form.per.data,
            "points": form.points.data,
            "levels": _rates(sent) if form.scope.data == "levels" else {},
            "count_coupons": bool(form.count_coupons.data),
            "count_balance": bool(form.count_balance.data),
        }

    def in_words(self, row: Campaign) -> list[tuple[str, str]]:
        settings = CONSUMPTION_POINTS.settings_of(row)
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


class HolidayPointsForm(PointsForm[HolidayForm]):
    """节假日多倍积分."""

    programme = HOLIDAY_POINTS
    form = HolidayForm
    help = "节假日或每周会员日，积分加倍"
    told = "在这些日子消费，按倍数送积分；几个活动同一天，取最高的一个"
    begins = {"times": 2}

    def begun(self, row: Campaign | None) -> dict[str, Any]:
        begun = super().begun(row)
        if row is not None:
            same = isinstance(begun["multiple"], int)
            begun |= {
                "mode": "weekdays" if begun["weekdays"] else "ranges",
                "scope": "all" if same else "levels",
                "times": begun["multiple"] if same else None,
            }
        return begun

    def settings(
        self, form: HolidayForm, row: Campaign | None, sent: MultiDict[str, str]
    ) -> dict[str, JsonValue]:
        by_range = form.mode.data == "ranges"
        return {
            "ranges": _ranges(sent.getlist("range")) if by_range else [],
            "weekdays": [] if by_range else list(form.weekdays.data or ()),
            "multiple": _multiples(sent) if form.scope.data == "levels" else _times(form),
        }

    def in_words(self, row: Campaign) -> list[tuple[str, str]]:
        settings = HOLIDAY_POINTS.settings_of(row)
        days = [f"{each.first} 至 {each.last}" for each in settings.ranges]
        days += [f"每周{_WEEKDAYS[day - 1]}" for day in settings.weekdays]
        multiple = settings.multiple
        if isinstance(multiple, int):
            return [("日期", "、".join(days)), ("倍数", f"{multiple} 倍")]
        return [("日期", "、".join(days)), *((level, f"{n} 倍") for level, n in multiple.items())]


class ManualPointsForm(PointsForm[ManualForm]):
    """手动增减积分."""

    programme = MANUAL_POINTS
    form = ManualForm
    help = "唯一 · 收银台显示加减积分的入口"
    told = "勾选后，收银台的会员页面出现对应的操作入口；操作须填写原因"

    def settings(
        self, form: ManualForm, row: Campaign | None, sent: MultiDict[str, str]
    ) -> dict[str, JsonValue]:
        return {"add": bool(form.add.data), "subtract": bool(form.subtract.data)}

    def in_words(self, row: Campaign) -> list[tuple[str, str]]:
        settings = MANUAL_POINTS.settings_of(row)
        return [
            ("手动增加积分", _switch(settings.add)),
            ("手动扣减积分", _switch(settings.subtract)),
        ]


def _times(form: HolidayForm) -> int:
    if form.times.data is None:
        raise CampaignInvalid(errors=[FieldError(field="multiple", message="必填")])
    return int(form.times.data)


def _rates(sent: MultiDict[str, str]) -> dict[str, JsonValue]:
    """The rules of levels; a level left empty has the rule of everybody (S2-23)."""
    rates: dict[str, JsonValue] = {}
    for level in sent_levels(sent):
        if not level.per and not level.number:
            continue
        try:
            per_fen = parse_yuan(level.per)
        except ValueError:
            words = f"{level.name}的消费金额应写作 100 或 99.90"
            raise CampaignInvalid(errors=[FieldError(field="levels", message=words)]) from None
        number = whole(level.number, field="levels", who=f"{level.name}的积分")
        rates[level.name] = {"per_fen": per_fen, "points": number}
    return rates


def _multiples(sent: MultiDict[str, str]) -> dict[str, JsonValue]:
    """Each level's multiple; one left empty has none (S2-28)."""
    return {
        level.name: whole(level.number, field="multiple", who=f"{level.name}的倍数")
        for level in sent_levels(sent)
        if level.number
    }


def _ranges(texts: Sequence[str]) -> list[JsonValue]:
    wrong, found = [], list[JsonValue]()
    for place, text in enumerate(text for text in texts if text.strip()):
        try:
            first, last = DaysField.parse(text)
        except ValueError as error:
            wrong.append(FieldError(field=f"ranges.{place}", message=str(error)))
        else:
            found.append({"from": first.isoformat(), "to": last.isoformat()})
    if wrong:
        raise CampaignInvalid(errors=wrong)
    return found


def _switch(on: bool) -> str:
    return "收银台可用" if on else "收银台不可用"
