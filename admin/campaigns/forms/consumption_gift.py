"""会员消费送优惠券表单 (S2-51…57): 消费满 so much really paid, 送 which coupons; rows of one amount
are one rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue
from werkzeug.datastructures import MultiDict
from wtforms import RadioField

from admin import queries
from admin.campaigns.forms import claim_window
from admin.campaigns.forms.form import (
    CampaignForm,
    KindForm,
    filled,
    stored,
    whole,
)
from admin.fields import choices
from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.models import Campaign
from backend.campaigns.programmes.consumption_gift import CONSUMPTION_GIFT
from backend.errors import FieldError
from backend.money import parse_yuan, yuan

MOST_ROWS = 200


@dataclass(frozen=True)
class GiftRow:
    """One row as typed: 实付满 ``paid`` 元, 送 ``quantity`` 张 ``template``."""

    paid: str
    template: str
    quantity: str


class GiftForm(CampaignForm):
    """会员消费送优惠券; its rules are read by ``settings``."""

    several = RadioField(
        "同时满足多条",
        choices=choices(("highest", "只送金额最高的一条"), ("all", "满足的每一条都送")),
        default="highest",
    )
    window = claim_window.window_field("消费")
    window_days = claim_window.days_field()


class ConsumptionGiftForm(KindForm[GiftForm]):
    """会员消费送优惠券."""

    form = GiftForm
    template = "desk/gift_form.html"
    help = "实付达到金额，小票上打印二维码，扫码领券，下次到店使用"
    starts = "启动后，收银识别了会员、实付达到金额的账单，小票上打印领券二维码。"
    pauses = "暂停后，新的账单不再送券；已经打印的小票仍可领取。"

    def begun(self, row: Campaign | None) -> dict[str, Any]:
        if row is None:
            return {"name": CONSUMPTION_GIFT.label, "window_days": 7}
        said = stored(row)
        return filled(row) | {
            "several": "all" if said["all"] else "highest",
            **claim_window.shown(said["claim_window"]),
        }

    def facts(self, row: Campaign | None, sent: MultiDict[str, str] | None) -> Mapping[str, object]:
        rules = _stored(stored(row)) if sent is None else _sent(sent)
        return {"offered": queries.offered_templates(), "rules": rules}

    def settings(
        self, form: GiftForm, row: Campaign | None, sent: MultiDict[str, str]
    ) -> dict[str, JsonValue]:
        """The lowest amount first."""
        rules: dict[int, list[JsonValue]] = {}
        for place, each in enumerate(_sent(sent)):
            given: JsonValue = {"template": each.template, "quantity": _quantity(each, place)}
            rules.setdefault(_paid_fen(each, place), []).append(given)
        return {
            "rules": [
                {"paid_fen": fen, "coupons": coupons} for fen, coupons in sorted(rules.items())
            ],
            "all": form.several.data == "all",
            "claim_window": claim_window.sent(form),
        }

    def in_words(self, row: Campaign) -> list[tuple[str, str]]:
        gift = CONSUMPTION_GIFT.settings_of(row)
        codes = [coupon.template for rule in gift.rules for coupon in rule.coupons]
        titles = queries.template_titles(codes)
        lines = [
            (
                f"实付满 {yuan(rule.paid_fen)} 元",
                "送 "
                + "、".join(
                    f"{titles.get(c.template, c.template)} ×{c.quantity}" for c in rule.coupons
                ),
            )
            for rule in gift.rules
        ]
        several = "满足的每一条都送" if gift.all else "只送金额最高的一条"
        return [
            *lines,
            ("同时满足多条", several),
            claim_window.in_words(gift.claim_window, after="消费"),
        ]


def _paid_fen(row: GiftRow, place: int) -> int:
    try:
        fen = parse_yuan(row.paid)
    except ValueError:
        fen = 0
    if fen <= 0:
        words = "消费金额应大于 0，写作 100 或 99.90"
        raise CampaignInvalid(errors=[FieldError(field=f"rows.{place}", message=words)])
    return fen


def _quantity(row: GiftRow, place: int) -> int:
    return whole(row.quantity, field=f"rows.{place}", who="张数")


def _sent(sent: MultiDict[str, str]) -> list[GiftRow]:
    """Rows as sent; rows without an amount and without a coupon are passed over."""
    columns = zip(
        sent.getlist("rule-paid"),
        sent.getlist("rule-template"),
        sent.getlist("rule-quantity"),
        strict=False,
    )
    rows = [
        GiftRow(paid.strip(), template, quantity.strip()) for paid, template, quantity in columns
    ]
    return [row for row in rows if row.paid or row.template][:MOST_ROWS]


def _stored(said: dict[str, Any]) -> Sequence[GiftRow]:
    return [
        GiftRow(yuan(rule["paid_fen"]), coupon["template"], str(coupon.get("quantity", 1)))
        for rule in said.get("rules", [])
        for coupon in rule["coupons"]
    ]
