"""票券营销表单 (S0): three columns, each with its switch, again, coupons × quantity."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue
from werkzeug.datastructures import MultiDict

from admin import queries
from admin.campaigns.forms.form import (
    CampaignForm,
    KindForm,
    filled,
    given_rows,
    given_settings,
    stored,
)
from backend.campaigns.kinds.class_marketing import Part, default_plan
from backend.campaigns.models import Campaign
from backend.campaigns.programmes.class_marketing import CLASS_MARKETING

_PARTS = tuple((part.value, part.label) for part in Part)
_OFF = {"on": False, "again": False, "coupons": []}


class ClassForm(CampaignForm):
    """票券营销; switches and coupons of the parts are read by ``settings``."""


class ClassMarketingForm(KindForm[ClassForm]):
    """票券营销."""

    form = ClassForm
    template = "desk/class_form.html"
    help = "新客、普通客、忠诚客三类，关注即送，每天 09:00 和 16:00 自动发放"
    starts = "启动后，新关注的顾客立即得券；每天 09:00 和 16:00 按顾客分类自动发券。"

    def begun(self, row: Campaign | None) -> dict[str, Any]:
        return {"name": "", "online_activity": True} if row is None else filled(row)

    def facts(self, row: Campaign | None, sent: MultiDict[str, str] | None) -> Mapping[str, object]:
        return {"offered": queries.offered_templates(), "parts": _columns(row, sent)}

    def settings(
        self, form: ClassForm, row: Campaign | None, sent: MultiDict[str, str]
    ) -> dict[str, JsonValue]:
        return _settings(sent)

    def in_words(self, row: Campaign) -> list[tuple[str, str]]:
        settings = CLASS_MARKETING.settings_of(row)
        words = []
        for part in Part:
            said = settings.part(part)
            again = "用完或过期后再次发放" if said.again else "只发一次"
            words.append((part.label, f"发券，{again}" if said.on else "不发券"))
        return words


def _settings(sent: MultiDict[str, str]) -> dict[str, JsonValue]:
    parts: dict[str, JsonValue] = {
        part: {
            "on": sent.get(f"{part}-on") == "y",
            "again": sent.get(f"{part}-again") == "y",
            "coupons": given_settings(given_rows(sent, part)),
        }
        for part, _label in _PARTS
    }
    return {"parts": parts}


def _columns(
    row: Campaign | None, sent: MultiDict[str, str] | None
) -> list[tuple[str, str, dict[str, Any]]]:
    """The three columns: value, label, and what stands in each."""
    if sent is not None:
        settings = cast(dict[str, Any], _settings(sent))
    elif row is not None:
        settings = stored(row)
    else:
        settings = default_plan().model_dump(mode="json")
        for part in settings["parts"].values():
            part["coupons"] = []
    return [(part, label, dict(settings["parts"].get(part, _OFF))) for part, label in _PARTS]
