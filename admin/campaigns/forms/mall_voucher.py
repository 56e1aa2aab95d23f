"""聚微量票券核销表单 (S1-11…14): a mall's product, the local coupon it becomes, the store."""

from typing import Any

from flask import request
from pydantic import JsonValue
from werkzeug.datastructures import MultiDict
from wtforms import SelectField, StringField
from wtforms.validators import Length

from admin import queries
from admin.campaigns.forms.form import CampaignForm, KindForm, filled, stored
from admin.fields import Needed, choices
from backend.campaigns.models import Campaign
from backend.campaigns.programmes.mall_voucher import MALL_VOUCHER

_FIELDS = ("product", "template", "store")


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


class MallVoucherForm(KindForm[MallForm]):
    """聚微量票券核销."""

    form = MallForm
    template = "desk/mall_campaign_form.html"
    section = "商城"
    help = "商城卖出的一种票券，变成一张本地券，到店核销"
    starts = "启动后，已卖出和以后卖出的这种商城票券都变成可以核销的券。"
    pauses = "暂停后，新卖出的票券要等活动再次启动才能核销；已关联的券不受影响。"

    def begun(self, row: Campaign | None) -> dict[str, Any]:
        """A product that waits for its link brings its number along."""
        if row is None:
            product = request.args.get("product", "")[:64]
            return {"name": f"{MALL_VOUCHER.label} {product}".strip(), "product": product}
        said = stored(row)
        return filled(row) | {each: said.get(each) or "" for each in _FIELDS}

    def settings(
        self, form: MallForm, row: Campaign | None, sent: MultiDict[str, str]
    ) -> dict[str, JsonValue]:
        return {
            "product": (form.product.data or "").strip(),
            "template": str(form.template.data or ""),
            "store": form.store.data or None,
        }

    def in_words(self, row: Campaign) -> list[tuple[str, str]]:
        mall, stores = MALL_VOUCHER.settings_of(row), dict(queries.store_choices())
        store = "全部店铺" if mall.store is None else stores.get(mall.store, mall.store)
        return [("商城商品编号", mall.product), ("适用店铺", store)]
