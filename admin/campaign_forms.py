"""活动表单: 票券营销 in three columns, 定期送券 with conditions and a timetable; to drafts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any, cast

from pydantic import JsonValue
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, RadioField, StringField, TextAreaField
from wtforms.validators import Length

from admin import condition_form
from admin.condition_form import Row
from admin.fields import (
    CodesField,
    DayField,
    DeskForm,
    Needed,
    Pills,
    TimeOfDayField,
    WholeField,
    choices,
    row_id,
)
from admin.template_form import WEEKDAYS
from backend.campaigns import programmes
from backend.campaigns.draft import CampaignDraft, draft_of
from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.class_marketing import Part
from backend.campaigns.kinds.periodic import PRESETS
from backend.campaigns.models import Campaign, CampaignKind
from backend.errors import FieldError

MOST = 10**9
PARTS = tuple((part.value, part.label) for part in Part)
MONTH_DAYS = [(str(n), str(n)) for n in range(1, 32)] + [("last", "最后一天")]


@dataclass(frozen=True)
class Given:
    """One row of 券 × 张数, as typed."""

    template: str
    quantity: str


class CampaignForm(DeskForm):
    """What every campaign has."""

    name = StringField("活动名称", [Needed(), Length(max=40, message="最多 40 字")])
    description = TextAreaField("活动描述", [Length(max=1000, message="最多 1000 字")])
    tags = CodesField("活动标签")
    starts_on = DayField("开始日期")
    ends_on = DayField("结束日期")
    budget_total = WholeField("最多发放", most=MOST)
    budget_per_day = WholeField("每天最多发放", most=MOST)
    control = WholeField("对照组", most=50)
    online_activity = BooleanField("线上活动")


class ClassForm(CampaignForm):
    """票券营销; switches and coupons of the parts are read by ``class_settings``."""


class PeriodicForm(CampaignForm):
    """定期送券; conditions and coupons are read by ``periodic_settings``."""

    mode = RadioField(
        "选择发券顾客",
        choices=choices(("dynamic", "指定人（动态）"), ("fixed", "搜索人群（固定）")),
        default="dynamic",
    )
    search = RadioField(
        "搜索方式",
        choices=choices(("exact", "精确搜索"), ("conditions", "条件搜索")),
        default="exact",
    )
    match = RadioField(
        "多个条件", choices=choices(("all", "需同时满足"), ("any", "满足一项即可")), default="all"
    )
    every = RadioField(
        "发券周期",
        choices=choices(("day", "每日"), ("week", "每周"), ("month", "每月")),
        default="week",
    )
    weekdays = Pills("星期", choices=choices(*WEEKDAYS), coerce=int)
    month_days = Pills("日期", choices=choices(*MONTH_DAYS))
    at = TimeOfDayField("发券时间", [Needed()])
    window = RadioField(
        "领券时间限制",
        choices=choices(
            ("same_day", "仅发券当日"), ("days", "发券后几天内"), ("anytime", "随时可领取")
        ),
        default="days",
    )
    window_days = WholeField("天数", least=1, most=3650)


def given_rows(form: MultiDict[str, str], name: str) -> list[Given]:
    """Rows of 券 × 张数 as sent; rows without a coupon are passed over."""
    pairs = zip(form.getlist(f"{name}-template"), form.getlist(f"{name}-quantity"), strict=False)
    return [Given(template, quantity.strip()) for template, quantity in pairs if template][:50]


def stored_rows(coupons: object) -> list[Given]:
    """Rows of 券 × 张数 as stored."""
    rows = cast(Sequence[Mapping[str, Any]], coupons or ())
    return [Given(str(row["template"]), str(row.get("quantity", 1))) for row in rows]


def class_settings(form: MultiDict[str, str]) -> dict[str, JsonValue]:
    """票券营销's settings as sent."""
    parts: dict[str, JsonValue] = {
        part: {
            "on": form.get(f"{part}-on") == "y",
            "again": form.get(f"{part}-again") == "y",
            "coupons": _coupons(given_rows(form, part)),
        }
        for part, _label in PARTS
    }
    return {"parts": parts}


def periodic_settings(
    form: PeriodicForm, rows: Sequence[Row], sent: MultiDict[str, str]
) -> dict[str, JsonValue]:
    """定期送券's settings as sent; CampaignInvalid names the conditions that cannot be read."""
    window: dict[str, JsonValue] = {"kind": str(form.window.data)}
    if form.window.data == "days":
        window["days"] = form.window_days.data
    return {
        "audience": audience_settings(form, rows, sent),
        "timetable": timetable_settings(form),
        "claim_window": window,
        "coupons": _coupons(given_rows(sent, "given")),
    }


def timetable_settings(form: PeriodicForm) -> dict[str, JsonValue]:
    """发券时间 as sent."""
    every = str(form.every.data)
    days: dict[str, list[JsonValue]] = {
        "week": list(form.weekdays.data or ()),
        "month": [n if n == "last" else int(n) for n in form.month_days.data or ()],
    }
    return {
        "every": every,
        "days": days.get(every, []),
        "at": f"{form.at.data:%H:%M}" if form.at.data else "",
    }


def audience_settings(
    form: PeriodicForm, rows: Sequence[Row], sent: MultiDict[str, str]
) -> dict[str, JsonValue]:
    """人群 as sent: conditions, or people found exactly."""
    mode = str(form.mode.data)
    if mode == "fixed" and form.search.data == "exact":
        members: list[JsonValue] = [row_id(text) for text in sent.getlist("member")]
        return {"mode": mode, "members": list(dict.fromkeys(members))}
    conditions, wrong = condition_form.read(rows)
    if wrong:
        raise CampaignInvalid(errors=wrong)
    return {"mode": mode, "match": str(form.match.data), "conditions": cast(JsonValue, conditions)}


def draft(
    form: CampaignForm,
    settings: Mapping[str, JsonValue],
    *,
    kind: str,
    code: str,
    row: Campaign | None,
) -> CampaignDraft:
    """The form as a draft; the stores, which it does not show, are kept."""
    if form.starts_on.data and form.ends_on.data and form.ends_on.data < form.starts_on.data:
        raise CampaignInvalid(errors=[FieldError(field="to", message="早于开始日期")])
    online = bool(form.online_activity.data)
    return CampaignDraft(
        code=code,
        kind=kind,
        settings=programmes.parse(kind, settings),
        name=(form.name.data or "").strip(),
        description=form.description.data or "",
        tags=tuple(form.tags.data or ()),
        stores=draft_of(row).stores if row else None,
        starts_on=form.starts_on.data,
        ends_on=form.ends_on.data,
        online_activity=online,
        budget_total=form.budget_total.data,
        budget_per_day=form.budget_per_day.data,
        control_bp=(form.control.data or 0) * 100,
    )


def filled(row: Campaign | None, *, preset: str) -> dict[str, Any]:
    """What the form begins with: a campaign, a ready-made starting point, or nothing."""
    if row is None:
        settings = cast(dict[str, Any], PRESETS.get(preset, {}))
        begun: dict[str, Any] = {"name": preset if settings else "", "online_activity": True}
        return begun | _periodic_data(settings)
    begun = {
        "name": row.name,
        "description": row.description,
        "tags": tuple(str(tag) for tag in row.tags or ()),
        "starts_on": row.starts_on,
        "ends_on": row.ends_on,
        "budget_total": row.budget_total,
        "budget_per_day": row.budget_per_day,
        "control": row.control_bp // 100 or None,
        "online_activity": row.online_activity,
    }
    if row.kind == CampaignKind.PERIODIC:
        begun |= _periodic_data(cast(dict[str, Any], row.settings))
    return begun


def _periodic_data(settings: dict[str, Any]) -> dict[str, Any]:
    audience = settings.get("audience", {})
    timetable = settings.get("timetable", {"every": "week", "days": [4], "at": "10:00"})
    window = settings.get("claim_window", {"kind": "days", "days": 2})
    at = time.fromisoformat(str(timetable["at"]))
    every = timetable["every"]
    return {
        "mode": audience.get("mode", "dynamic"),
        "search": "conditions" if audience.get("conditions") else "exact",
        "match": audience.get("match", "all"),
        "every": every,
        "weekdays": timetable["days"] if every == "week" else [],
        "month_days": [str(day) for day in timetable["days"]] if every == "month" else [],
        "at": at,
        "window": window["kind"],
        "window_days": window.get("days"),
    }


def _coupons(rows: Sequence[Given]) -> list[JsonValue]:
    return [
        {
            "template": row.template,
            "quantity": int(row.quantity)
            if row.quantity.isascii() and row.quantity.isdigit() and len(row.quantity) < 6
            else row.quantity,
        }
        for row in rows
    ]
