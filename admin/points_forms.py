"""积分规则表单: 注册送积分, 消费送积分, 节假日多倍积分, 手动增减积分 (S2-17…28)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import JsonValue
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, RadioField

from admin import access
from admin.campaign_forms import CampaignForm, filled
from admin.fields import DaysField, Needed, Pills, WholeField, YuanField, choices
from admin.template_form import WEEKDAYS
from backend import clock
from backend.calendar import day_of
from backend.campaigns import legal_holidays
from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.holiday_points import MOST_RANGES
from backend.campaigns.models import Campaign, CampaignKind, CampaignState
from backend.campaigns.programmes import programme_of
from backend.database import db
from backend.errors import FieldError
from backend.members.models import MemberLevel
from backend.money import parse_yuan, yuan

_SCOPES = choices(("all", "所有会员相同"), ("levels", "按会员等级设置"))


@dataclass(frozen=True)
class LevelRow:
    """会员等级 with what the form says for it, as typed: 每消费 ``per`` 元, and points or times."""

    id: int
    name: str
    per: str = ""
    number: str = ""


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


FORMS: Mapping[str, type[CampaignForm]] = {
    CampaignKind.REGISTRATION_POINTS: RegistrationForm,
    CampaignKind.CONSUMPTION_POINTS: ConsumptionForm,
    CampaignKind.HOLIDAY_POINTS: HolidayForm,
    CampaignKind.MANUAL_POINTS: ManualForm,
}
TOLD: Mapping[str, str] = {
    CampaignKind.REGISTRATION_POINTS: "新会员注册成功，积分立即到账，每人一次",
    CampaignKind.CONSUMPTION_POINTS: "收银时识别了会员的账单，结账后按应付金额送积分，不足部分舍去",
    CampaignKind.HOLIDAY_POINTS: "在这些日子消费，按倍数送积分；几个活动同一天，取最高的一个",
    CampaignKind.MANUAL_POINTS: "勾选后，收银台的会员页面出现对应的操作入口；操作须填写原因",
}


def the_one(kind: str) -> Campaign | None:
    """The campaign of a kind of which a merchant has one at a time (S2-19)."""
    if kind not in FORMS or not programme_of(kind).one_only:
        return None
    alive = (Campaign.kind == kind, Campaign.state != CampaignState.ENDED)
    return db.session.scalars(select(Campaign).where(*alive).limit(1)).one_or_none()


def levels() -> list[LevelRow]:
    """会员等级 in their order."""
    found = select(MemberLevel.id, MemberLevel.name).order_by(MemberLevel.position)
    return [LevelRow(row.id, row.name) for row in db.session.execute(found)]


def begun(row: Campaign | None, kind: str) -> dict[str, Any]:
    """What the form begins with."""
    if row is None:
        by_kind: dict[str, Any] = {CampaignKind.REGISTRATION_POINTS: 50}
        return {
            "name": programme_of(kind).label,
            "per": 100,
            "points": by_kind.get(kind, 1),
            "times": 2,
        }
    stored = cast(dict[str, Any], row.settings)
    found = filled(row, preset="") | stored
    match row.kind:
        case CampaignKind.CONSUMPTION_POINTS:
            found |= {"per": stored["per_fen"], "scope": "levels" if stored["levels"] else "all"}
        case CampaignKind.HOLIDAY_POINTS:
            same = isinstance(stored["multiple"], int)
            found |= {
                "mode": "weekdays" if stored["weekdays"] else "ranges",
                "scope": "all" if same else "levels",
                "times": stored["multiple"] if same else None,
            }
    return found


def facts(row: Campaign | None, kind: str, sent: MultiDict[str, str] | None) -> dict[str, object]:
    """What the page shows besides the form's own fields."""
    stored = cast(dict[str, Any], row.settings if row else {})
    ranges = [f"{days['from']} 至 {days['to']}" for days in stored.get("ranges", [])]
    return {
        "kind": kind,
        "told": TOLD[kind],
        "levels": _stored_levels(stored) if sent is None else _sent_levels(sent),
        "ranges": ranges if sent is None else sent.getlist("range")[:MOST_RANGES],
        "holidays": [
            (holiday.words, f"{holiday.first} 至 {holiday.last}")
            for holiday in legal_holidays.coming(day_of(clock.now(), access.shop().zone))
        ],
    }


def settings(form: CampaignForm, sent: MultiDict[str, str]) -> dict[str, JsonValue]:
    """The kind's settings as sent; CampaignInvalid names what cannot be read."""
    match form:
        case RegistrationForm():
            return {"points": form.points.data}
        case ConsumptionForm():
            return {
                "per_fen": form.per.data,
                "points": form.points.data,
                "levels": _rates(sent) if form.scope.data == "levels" else {},
                "count_coupons": bool(form.count_coupons.data),
                "count_balance": bool(form.count_balance.data),
            }
        case HolidayForm():
            by_range = form.mode.data == "ranges"
            return {
                "ranges": _ranges(sent.getlist("range")) if by_range else [],
                "weekdays": [] if by_range else list(form.weekdays.data or ()),
                "multiple": _multiples(sent) if form.scope.data == "levels" else _times(form),
            }
        case ManualForm():
            return {"add": bool(form.add.data), "subtract": bool(form.subtract.data)}
    raise CampaignInvalid(errors=[FieldError(field="kind", message="没有这种活动")])


def _times(form: HolidayForm) -> int:
    if form.times.data is None:
        raise CampaignInvalid(errors=[FieldError(field="multiple", message="必填")])
    return int(form.times.data)


def _sent_levels(sent: MultiDict[str, str]) -> list[LevelRow]:
    return [
        LevelRow(
            level.id,
            level.name,
            sent.get(f"level-{level.id}-per", "").strip(),
            sent.get(f"level-{level.id}-number", "").strip(),
        )
        for level in levels()
    ]


def _stored_levels(stored: Mapping[str, Any]) -> list[LevelRow]:
    rates, multiple = stored.get("levels", {}), stored.get("multiple")
    rows = []
    for level in levels():
        per, number = "", ""
        if rate := rates.get(level.name):
            per, number = yuan(rate["per_fen"]), str(rate["points"])
        elif isinstance(multiple, dict):
            number = str(multiple.get(level.name, 1))
        rows.append(LevelRow(level.id, level.name, per, number))
    return rows


def _rates(sent: MultiDict[str, str]) -> dict[str, JsonValue]:
    """The rules of levels; a level left empty has the rule of everybody (S2-23)."""
    rates: dict[str, JsonValue] = {}
    for level in _sent_levels(sent):
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
        for level in _sent_levels(sent)
        if level.number
    }


def whole(text: str, *, field: str, who: str) -> int:
    """A whole number as typed; CampaignInvalid says whose it is."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise CampaignInvalid(errors=[FieldError(field=field, message=f"{who}应为整数")])


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
