"""券模板表单: what a kind needs, in yuan and 折; from a template to the form, and to a draft."""

import secrets
from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, RadioField, StringField, TextAreaField
from wtforms.validators import Length

from admin.fields import (
    AskedAgain,
    CodesField,
    DaysField,
    DeskForm,
    Needed,
    Pills,
    RateField,
    WholeField,
    YuanField,
    choices,
)
from admin.words import COUPON_KINDS
from backend.calendar import parse_date
from backend.campaigns.templates import TemplateDraft
from backend.coupons.kinds import CouponKind
from backend.coupons.models import CouponTemplate, TemplateRevision

_NAMES = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
WEEKDAYS = [(n, name) for n, name in enumerate(_NAMES, 1)]
MOST = 10**9


class TemplateForm(DeskForm):
    """券模板."""

    title = StringField("券名称", [Needed(), Length(max=40, message="最多 40 字")])
    kind = RadioField(
        "券类型", choices=choices(*COUPON_KINDS.items()), default=CouponKind.CASH.value
    )
    value = YuanField("面额")
    threshold = YuanField("每满")
    reduce = YuanField("减")
    rate = RateField("折扣", [AskedAgain(lambda form: form.kind.data == CouponKind.DISCOUNT)])
    sure = BooleanField("确认低于1折")
    most = YuanField("最多优惠")
    dishes = CodesField("菜品编码")
    quantity = WholeField("份数", least=1, most=1000, default=1)
    price = YuanField("团购价")
    text = TextAreaField("优惠内容", [Length(max=500, message="最多 500 字")])
    minimum = YuanField("使用门槛")
    validity = RadioField(
        "有效期",
        choices=choices(("relative", "领取后计算"), ("fixed", "固定日期")),
        default="relative",
    )
    days = WholeField("有效天数", least=1, most=3650, default=30)
    after_days = WholeField("几天后生效", most=3650, default=0)
    dates = DaysField("起止日期")
    where = RadioField(
        "适用门店", choices=choices(("all", "全部门店"), ("some", "指定门店")), default="all"
    )
    stores = Pills("门店")
    scope_dishes = CodesField("适用菜品")
    scope_categories = CodesField("适用分类")
    weekdays = Pills("可用星期", choices=choices(*WEEKDAYS), coerce=int)
    hours = CodesField("可用时段")
    stock = WholeField("发放总量", most=MOST)
    per_member = WholeField("每人限领", least=1, most=MOST)
    per_day = WholeField("每人每天限领", least=1, most=MOST)
    max_per_bill = WholeField("每单限用", least=1, most=100, default=1)
    with_level = BooleanField("会员等级折扣", default=True)
    with_points = BooleanField("积分抵扣", default=True)
    with_coupons = BooleanField("其他券")
    discounted_dishes = BooleanField("特价菜计入", default=True)
    giftable = BooleanField("可赠送")
    description = TextAreaField("使用说明", [Length(max=1000, message="最多 1000 字")])
    notice = StringField("给店员的提示", [Length(max=200, message="最多 200 字")])


def draft(form: TemplateForm, *, code: str, kept: TemplateRevision | None) -> TemplateDraft:
    """The form as a draft; pictures and colours, which it does not show, are kept."""
    limits = form.where.data == "some"
    return TemplateDraft(
        code=code,
        kind=str(form.kind.data),
        title=(form.title.data or "").strip(),
        rule=rule(form),
        validity=validity(form),
        stores=tuple(form.stores.data or ()) if limits else None,
        giftable=bool(form.giftable.data),
        stock=form.stock.data,
        per_member=form.per_member.data,
        per_day=form.per_day.data,
        minimum_fen=form.minimum.data or 0,
        scope={
            "dishes": list(form.scope_dishes.data or ()),
            "categories": list(form.scope_categories.data or ()),
        },
        weekdays=tuple(form.weekdays.data or ()),
        hours=tuple(form.hours.data or ()),
        combine={
            "level": bool(form.with_level.data),
            "points": bool(form.with_points.data),
            "coupons": bool(form.with_coupons.data),
            "discounted_dishes": bool(form.discounted_dishes.data),
        },
        max_per_bill=form.max_per_bill.data or 1,
        colour=kept.colour if kept else "",
        picture=kept.picture if kept else "",
        description=form.description.data or "",
        notice=form.notice.data or "",
    )


def rule(form: TemplateForm) -> dict[str, JsonValue]:
    """What the chosen kind promises, in fen; what was left empty is left out and named later."""
    dishes: list[JsonValue] = list(form.dishes.data or ())
    rules: Mapping[str, dict[str, JsonValue]] = {
        CouponKind.CASH: {"value_fen": form.value.data},
        CouponKind.EVERY_FULL: {
            "threshold_fen": form.threshold.data,
            "reduce_fen": form.reduce.data,
        },
        CouponKind.DISCOUNT: {"rate_bp": form.rate.data, "max_fen": form.most.data},
        CouponKind.GIFT: {"dishes": dishes, "quantity": form.quantity.data},
        CouponKind.DEDUCTION: {"dishes": dishes, "value_fen": form.value.data},
        CouponKind.GROUP_BUY: {"dishes": dishes, "price_fen": form.price.data},
        CouponKind.GENERAL: {"text": form.text.data or None},
    }
    chosen = rules.get(str(form.kind.data), {})
    return {name: value for name, value in chosen.items() if value not in (None, [])}


def validity(form: TemplateForm) -> dict[str, JsonValue]:
    """有效期 of the chosen sort."""
    if form.validity.data == "fixed":
        if not form.dates.data:
            return {}
        first, last = form.dates.data
        return {"from": first.isoformat(), "to": last.isoformat()}
    found: dict[str, JsonValue] = {"after_days": form.after_days.data or 0}
    return found | ({"days": form.days.data} if form.days.data else {})


def form_of(
    sent: MultiDict[str, str] | None,
    template: CouponTemplate | None,
    revision: TemplateRevision | None,
) -> TemplateForm:
    """The form as it was sent, else of a template, else empty."""
    if template is None or revision is None:
        return TemplateForm(sent)
    return TemplateForm(sent, data=_filled(template, revision))


def new_code() -> str:
    """A code for a template or campaign made at the desk."""
    return f"d{secrets.token_hex(5)}"


def _filled(template: CouponTemplate, revision: TemplateRevision) -> dict[str, Any]:
    promised = cast(dict[str, Any], revision.rule)
    lasts = cast(dict[str, Any], revision.validity)
    scope, hours = cast(dict[str, Any], revision.scope), cast(dict[str, Any], revision.hours)
    combine = cast(dict[str, Any], revision.combine)
    fixed = "from" in lasts
    return {
        "title": revision.title,
        "kind": revision.kind,
        "value": promised.get("value_fen"),
        "threshold": promised.get("threshold_fen"),
        "reduce": promised.get("reduce_fen"),
        "rate": promised.get("rate_bp"),
        "most": promised.get("max_fen"),
        "dishes": tuple(promised.get("dishes", ())),
        "quantity": promised.get("quantity", 1),
        "price": promised.get("price_fen"),
        "text": promised.get("text", ""),
        "minimum": revision.minimum_fen or None,
        "validity": "fixed" if fixed else "relative",
        "days": lasts.get("days", 30),
        "after_days": lasts.get("after_days", 0),
        "dates": (parse_date(lasts["from"]), parse_date(lasts["to"])) if fixed else None,
        "where": "all" if template.stores is None else "some",
        "stores": [str(code) for code in template.stores or ()],
        "scope_dishes": tuple(scope.get("dishes", ())),
        "scope_categories": tuple(scope.get("categories", ())),
        "weekdays": list(hours.get("weekdays", ())),
        "hours": tuple(hours.get("hours", ())),
        "stock": template.stock,
        "per_member": template.per_member,
        "per_day": template.per_day,
        "max_per_bill": revision.max_per_bill,
        "with_level": combine.get("level", True),
        "with_points": combine.get("points", True),
        "with_coupons": combine.get("coupons", False),
        "discounted_dishes": combine.get("discounted_dishes", True),
        "giftable": revision.giftable,
        "description": revision.description,
        "notice": revision.notice,
    }
