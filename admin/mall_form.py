"""聚微量票券核销表单 (S1-11…14): a mall's product, the local coupon it becomes, the store."""

from typing import Any, cast

from flask import request
from pydantic import JsonValue
from wtforms import SelectField, StringField
from wtforms.validators import Length

from admin import queries
from admin.campaign_forms import CampaignForm, filled
from admin.fields import Needed, choices
from backend.campaigns.kinds.mall_voucher import MallVoucher
from backend.campaigns.models import Campaign
from backend.campaigns.programmes.mall_voucher import MALL_VOUCHER


class MallForm(CampaignForm):
    """聚微量票券核销; what was paid for is honoured, so it has no limits."""

    product = StringField("商城商品编号", [Needed(), Length(max=64, message="最多 64 字")])
    template = SelectField("本地票券")
    store = SelectField("适用店铺")

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        offered = [
            each for each in queries.offered_templates() if each.kind in MALL_VOUCHER.may_give
        ]
        self.template.choices = choices(*((each.code, each.title) for each in offered))
        self.store.choices = choices(("", "全部店铺"), *queries.store_choices())


def begun(row: Campaign | None) -> dict[str, Any]:
    """What the form begins with; a product that waits for its link brings its number along."""
    if row is None:
        product = request.args.get("product", "")[:64]
        return {"name": f"{MALL_VOUCHER.label} {product}".strip(), "product": product}
    stored = cast(dict[str, Any], row.settings)
    said = {name: stored.get(name) or "" for name in ("product", "template", "store")}
    return filled(row, preset="") | said


def settings(form: MallForm) -> dict[str, JsonValue]:
    """聚微量票券核销's settings as sent."""
    return {
        "product": (form.product.data or "").strip(),
        "template": str(form.template.data or ""),
        "store": form.store.data or None,
    }


def in_words(mall: MallVoucher) -> list[tuple[str, str]]:
    """Term and words, line by line, for the campaign's page."""
    stores = dict(queries.store_choices())
    store = "全部店铺" if mall.store is None else stores.get(mall.store, mall.store)
    return [("商城商品编号", mall.product), ("适用店铺", store)]
