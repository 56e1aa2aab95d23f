"""定期送券表单 (S3): conditions or people, a timetable, a claim window, coupons."""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, cast

from flask import request
from pydantic import JsonValue
from werkzeug.datastructures import MultiDict
from wtforms import RadioField

from admin import queries
from admin.campaigns import conditions
from admin.campaigns.conditions import Row
from admin.campaigns.forms import claim_window
from admin.campaigns.forms.form import (
    CampaignForm,
    KindForm,
    filled,
    given_rows,
    given_settings,
    stored,
    stored_rows,
)
from admin.campaigns.queries import frozen_count
from admin.fields import Needed, Pills, TimeOfDayField, choices, row_id
from admin.template_form import WEEKDAYS
from backend.campaigns import audience
from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.periodic import PRESETS
from backend.campaigns.models import Campaign
from backend.campaigns.programmes.periodic import PERIODIC

_MONTH_DAYS = [(str(n), str(n)) for n in range(1, 32)] + [("last", "最后一天")]
_MOST_PEOPLE = 500


class PeriodicForm(CampaignForm):
    """定期送券; conditions and coupons are read by ``settings``."""

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
    month_days = Pills("日期", choices=choices(*_MONTH_DAYS))
    at = TimeOfDayField("发券时间", [Needed()])
    window = claim_window.window_field("发券")
    window_days = claim_window.days_field()


class PeriodicKindForm(KindForm[PeriodicForm]):
    """定期送券; a ready-made starting point is named in the address (S3-02…04)."""

    form = PeriodicForm
    template = "desk/periodic_form.html"
    help = "按每日、每周、每月给选定的顾客送券，登录小程序时自动领取"
    starts = "首次启动从下一周期开始发券（每日→明天，每周→下周，每月→下月）。"

    def begun(self, row: Campaign | None) -> dict[str, Any]:
        if row is not None:
            return filled(row) | _fields(stored(row))
        preset = request.args.get("preset", "")
        name = preset if preset in PRESETS else ""
        return {"name": name, "online_activity": True} | _fields(_before(None))

    def facts(self, row: Campaign | None, sent: MultiDict[str, str] | None) -> Mapping[str, object]:
        before = _before(row)
        wanted = before.get("audience", {})
        kept = sent is None
        return {
            "offered": queries.offered_templates(),
            "rows": conditions.stored(wanted.get("conditions", []))
            if kept
            else conditions.sent(request.form),
            "given": stored_rows(before.get("coupons"))
            if sent is None
            else given_rows(sent, "given"),
            "asked": False,
            "kinds": conditions.KINDS,
            "ops": conditions.OPS,
            "people": _people(None if sent is None else sent.getlist("member"), wanted),
        }

    def settings(
        self, form: PeriodicForm, row: Campaign | None, sent: MultiDict[str, str]
    ) -> dict[str, JsonValue]:
        return {
            "audience": audience_settings(form, conditions.sent(sent), sent),
            "timetable": timetable_settings(form),
            "claim_window": claim_window.sent(form),
            "coupons": given_settings(given_rows(sent, "given")),
        }

    def in_words(self, row: Campaign) -> list[tuple[str, str]]:
        said = stored(row)
        wanted = said["audience"]
        asked = [conditions.in_words(each) for each in wanted.get("conditions", [])]
        people = "全部会员"
        if wanted["mode"] == "fixed":
            people = f"固定名单，{frozen_count(row.id)} 人"
        elif asked:
            people = (" 且 " if wanted["match"] == "all" else " 或 ").join(asked)
        window = PERIODIC.settings_of(row).claim_window
        return [("发券顾客", people), claim_window.in_words(window, after="发券")]


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
    asked, wrong = conditions.read(rows)
    if wrong:
        raise CampaignInvalid(errors=wrong)
    return {"mode": mode, "match": str(form.match.data), "conditions": cast(JsonValue, asked)}


def _before(row: Campaign | None) -> dict[str, Any]:
    """The settings that the form begins with: a campaign's, or a ready-made starting point's."""
    preset = cast(dict[str, Any], PRESETS.get(request.args.get("preset", ""), {}))
    return preset if row is None else stored(row)


def _fields(settings: dict[str, Any]) -> dict[str, Any]:
    wanted = settings.get("audience", {})
    timetable = settings.get("timetable", {"every": "week", "days": [4], "at": "10:00"})
    window = settings.get("claim_window", {"kind": "days", "days": 2})
    at = time.fromisoformat(str(timetable["at"]))
    every = timetable["every"]
    return {
        "mode": wanted.get("mode", "dynamic"),
        "search": "conditions" if wanted.get("conditions") else "exact",
        "match": wanted.get("match", "all"),
        "every": every,
        "weekdays": timetable["days"] if every == "week" else [],
        "month_days": [str(day) for day in timetable["days"]] if every == "month" else [],
        "at": at,
        **claim_window.shown(window),
    }


def _people(sent_ids: Sequence[str] | None, wanted: Mapping[str, Any]) -> list[object]:
    if sent_ids is None:
        ids = [int(n) for n in wanted.get("members", ())]
        phones = [str(phone) for phone in wanted.get("phones", ())]
    else:
        ids, phones = [row_id(text) for text in sent_ids][:_MOST_PEOPLE], []
    found = queries.people(ids) if ids else {}
    exact = (person for phone in phones[:_MOST_PEOPLE] for person in audience.find_exact(phone))
    return [*found.values(), *exact]
