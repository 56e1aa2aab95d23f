"""领券时间限制 on a form: on the day alone, within days, or at any time; counted from what happened
(发券, 消费, 兑换)."""

from typing import Any, cast

from pydantic import JsonValue
from wtforms import RadioField

from admin.campaigns.forms.form import CampaignForm
from admin.fields import WholeField, choices
from backend.campaigns.cadence import ClaimWindow, WindowKind

TERM = "领券时间限制"


def window_field(after: str) -> RadioField:
    """The choice, in words of what it counts from."""
    return RadioField(
        TERM,
        choices=choices(
            ("same_day", f"仅{after}当日"), ("days", f"{after}后几天内"), ("anytime", "随时可领取")
        ),
        default="days",
    )


def days_field() -> WholeField:
    """How many days."""
    return WholeField("天数", least=1, most=3650)


def shown(window: dict[str, Any]) -> dict[str, Any]:
    """What the form begins with."""
    return {"window": window["kind"], "window_days": window.get("days")}


def sent(form: CampaignForm) -> dict[str, JsonValue]:
    """The window as settings."""
    kind, days = form["window"].data, form["window_days"].data
    return {"kind": str(kind), **({"days": cast(JsonValue, days)} if kind == "days" else {})}


def in_words(window: ClaimWindow, *, after: str) -> tuple[str, str]:
    """Term and words, for the campaign's page."""
    match window.kind:
        case WindowKind.SAME_DAY:
            return TERM, f"仅{after}当日可领取"
        case WindowKind.DAYS:
            return TERM, f"{after}后 {window.days} 天内可领取"
        case WindowKind.ANYTIME:
            return TERM, "随时可领取"
