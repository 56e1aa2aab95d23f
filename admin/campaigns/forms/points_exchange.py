"""积分兑换卡券表单 (S2-29…36): introduction, picture, coupons with a price for each level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from pydantic import JsonValue
from werkzeug.datastructures import MultiDict
from wtforms import TextAreaField
from wtforms.validators import Length

from admin import queries
from admin.campaigns.forms import claim_window
from admin.campaigns.forms.form import (
    CampaignForm,
    KindForm,
    filled,
    stored,
    whole,
)
from admin.campaigns.forms.levels import LevelRow, levels
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
    window = claim_window.window_field("兑换")
    window_days = claim_window.days_field()


class PointsExchangeForm(KindForm[ExchangeForm]):
    """积分兑换卡券."""

    form = ExchangeForm
    template = "desk/exchange_form.html"
    section = "积分"
    help = "会员用积分换券：小程序积分商城，收银台扫码领取"
    starts = "启动后，会员可以在小程序和收银台用积分兑换这些券。"
    pauses = "暂停后，积分商城和收银台不再显示这个活动；已兑换的券不受影响。"
    lists_coupons = True

    def begun(self, row: Campaign | None) -> dict[str, Any]:
        if row is None:
            return {"name": POINTS_EXCHANGE.label, "online_activity": True, "window_days": 7}
        said = stored(row)
        return filled(row) | {
            "introduction": said["introduction"],
            **claim_window.shown(said["claim_window"]),
        }

    def facts(self, row: Campaign | None, sent: MultiDict[str, str] | None) -> Mapping[str, object]:
        known, said = levels(), stored(row)
        return {
            "offered": [
                each
                for each in queries.offered_templates()
                if each.kind in POINTS_EXCHANGE.may_give
            ],
            "levels": known,
            "offers": _stored(said, known) if sent is None else _sent(sent, known),
            "picture": said.get("picture", ""),
        }

    def settings(
        self, form: ExchangeForm, row: Campaign | None, sent: MultiDict[str, str]
    ) -> dict[str, JsonValue]:
        known = levels()
        return {
            "introduction": form.introduction.data or "",
            "picture": _picture(row, sent),
            "offers": [
                {"template": offer.template, "points": _price(offer, place, known)}
                for place, offer in enumerate(_sent(sent, known))
            ],
            "claim_window": claim_window.sent(form),
        }

    def in_words(self, row: Campaign) -> list[tuple[str, str]]:
        settings = POINTS_EXCHANGE.settings_of(row)
        lines = [("活动介绍", settings.introduction)] if settings.introduction else []
        titles = queries.template_titles([offer.template for offer in settings.offers])
        for offer in settings.offers:
            if isinstance(offer.points, int):
                words = f"{offer.points} 积分"
            else:
                prices = ((level, n) for level, n in offer.points.items())
                words = "，".join(f"{level} {n or '不可兑换'}" for level, n in prices)
            lines.append((f"兑换{titles.get(offer.template, offer.template)}", words))
        return [*lines, claim_window.in_words(settings.claim_window, after="兑换")]


def _picture(row: Campaign | None, sent: MultiDict[str, str]) -> str:
    """The file that was chosen; nothing: the picture stays, unless it is taken away."""
    chosen = request.files.get("picture")
    if content := chosen.read() if chosen else b"":
        return pictures.keep(content, now=clock.now())
    kept = stored(row).get("picture", "")
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


def _stored(said: Mapping[str, Any], known: Sequence[LevelRow]) -> list[OfferRow]:
    rows = []
    for offer in said.get("offers", []):
        points = offer["points"]
        if isinstance(points, int):
            prices = (str(points),) * max(1, len(known))
        else:
            prices = tuple(str(points.get(level.name, 0)) for level in known)
        rows.append(OfferRow(offer["template"], prices))
    return rows
