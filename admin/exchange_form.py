"""积分兑换卡券表单 (S2-29…36): introduction, picture, coupons with a price for each level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from flask import request
from pydantic import JsonValue
from werkzeug.datastructures import MultiDict
from wtforms import RadioField, TextAreaField
from wtforms.validators import Length

from admin import queries
from admin.campaign_forms import CampaignForm, filled
from admin.fields import WholeField, choices
from admin.points_forms import LevelRow, levels, whole
from backend import clock
from backend.campaigns.models import Campaign
from backend.campaigns.programmes.points_exchange import POINTS_EXCHANGE
from backend.merchants import pictures

MOST_ROWS = 100


@dataclass(frozen=True)
class OfferRow:
    """One coupon with its prices as typed, in the order of the levels."""

    template: str
    prices: tuple[str, ...]


class ExchangeForm(CampaignForm):
    """积分兑换卡券; coupons and prices are read by ``settings``."""

    introduction = TextAreaField("活动介绍", [Length(max=2000, message="最多 2000 字")])
    window = RadioField(
        "领券时间限制",
        choices=choices(
            ("same_day", "仅兑换当日"), ("days", "兑换后几天内"), ("anytime", "随时可领取")
        ),
        default="days",
    )
    window_days = WholeField("天数", least=1, most=3650)


def begun(row: Campaign | None) -> dict[str, Any]:
    """What the form begins with."""
    if row is None:
        return {"name": POINTS_EXCHANGE.label, "online_activity": True, "window_days": 7}
    stored = cast(dict[str, Any], row.settings)
    window = stored["claim_window"]
    return filled(row, preset="") | {
        "introduction": stored["introduction"],
        "window": window["kind"],
        "window_days": window.get("days"),
    }


def facts(row: Campaign | None, sent: MultiDict[str, str] | None) -> dict[str, object]:
    """What the page shows besides the form's own fields."""
    stored = cast(dict[str, Any], row.settings if row else {})
    known = levels()
    return {
        "offered": [t for t in queries.offered_templates() if t.kind in POINTS_EXCHANGE.may_give],
        "levels": known,
        "offers": _stored(stored, known) if sent is None else _sent(sent, known),
        "picture": stored.get("picture", ""),
    }


def settings(
    form: ExchangeForm, row: Campaign | None, sent: MultiDict[str, str]
) -> dict[str, JsonValue]:
    """积分兑换卡券's settings as sent; CampaignInvalid names what cannot be read."""
    window: dict[str, JsonValue] = {"kind": str(form.window.data)}
    if form.window.data == "days":
        window["days"] = form.window_days.data
    known = levels()
    return {
        "introduction": form.introduction.data or "",
        "picture": _picture(row, sent),
        "offers": [
            {"template": offer.template, "points": _price(offer, place, known)}
            for place, offer in enumerate(_sent(sent, known))
        ],
        "claim_window": window,
    }


def _picture(row: Campaign | None, sent: MultiDict[str, str]) -> str:
    """The file that was chosen; nothing: the picture stays, unless it is taken away."""
    chosen = request.files.get("picture")
    if content := chosen.read() if chosen else b"":
        return pictures.keep(content, now=clock.now())
    kept = cast(dict[str, Any], row.settings if row else {}).get("picture", "")
    return "" if sent.get("no-picture") == "y" else str(kept)


def _price(offer: OfferRow, place: int, known: Sequence[LevelRow]) -> JsonValue:
    """One price for everybody where all are alike, so that a later level has it too (S2-31)."""
    field = f"offers.{place}"
    if not known:
        return whole(offer.prices[0], field=field, who="所需积分")
    prices: dict[str, JsonValue] = {
        level.name: whole(said, field=field, who=f"{level.name}所需积分")
        for level, said in zip(known, offer.prices, strict=True)
    }
    first, *others = prices.values()
    return prices if any(price != first for price in others) else first


def _sent(sent: MultiDict[str, str], known: Sequence[LevelRow]) -> list[OfferRow]:
    templates = sent.getlist("offer-template")[:MOST_ROWS]
    columns = [sent.getlist(f"offer-level-{level.id}") for level in known]
    columns = columns or [sent.getlist("offer-points")]
    return [
        OfferRow(template, tuple(_at(column, place) for column in columns))
        for place, template in enumerate(templates)
        if template
    ]


def _at(column: Sequence[str], place: int) -> str:
    return column[place].strip() if place < len(column) else ""


def _stored(stored: Mapping[str, Any], known: Sequence[LevelRow]) -> list[OfferRow]:
    rows = []
    for offer in stored.get("offers", []):
        points = offer["points"]
        if isinstance(points, int):
            prices = (str(points),) * max(1, len(known))
        else:
            prices = tuple(str(points.get(level.name, 0)) for level in known)
        rows.append(OfferRow(offer["template"], prices))
    return rows
