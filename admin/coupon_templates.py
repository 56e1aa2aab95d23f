"""券模板: the list, the form that shows only what a kind needs, the card beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Response, make_response, redirect, request

from admin import access, queries, template_form
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.columns import Column, Word, count, instant, status, word
from admin.fields import choices
from admin.filters import Asked, Choice, contains, equals
from admin.rights import Right
from admin.saving import sent
from admin.template_form import TemplateForm
from admin.tickets import ticket, ticket_of
from admin.words import COUPON_KINDS
from backend import clock
from backend.campaigns import templates
from backend.coupons.models import CouponTemplate, TemplateRevision
from backend.database import transactional
from backend.merchants.audit import Facts
from backend.reports import rollup
from backend.reports.rollup import Life

_STATES = {"on": Word("启用", "ok"), "off": Word("停用")}


@dataclass(frozen=True)
class TemplateRow:
    """券模板 as the list shows it."""

    id: int
    title: str
    kind: str
    face: str
    validity: str
    stores: str
    stock: str
    claimed: int
    redeemed: int
    state: str
    created_at: datetime


class Templates(SecureModelView):
    """券模板."""

    right = Right.TEMPLATES
    edit_right = Right.EDIT_TEMPLATES
    icon = "fa-ticket"
    noun = "券模板"
    empty_help = "先新建一种券，再到营销活动里选择它"
    can_create = can_edit = True
    row_template = "desk/template_row.html"
    form_template = "desk/template_form.html"
    tabs = (
        Tab("", "全部"),
        Tab("on", "启用", lambda _now: CouponTemplate.archived.is_(False)),
        Tab("off", "停用", lambda _now: CouponTemplate.archived.is_(True)),
    )
    columns = (
        Column("title", "券名称"),
        word("kind", "券类型", COUPON_KINDS),
        Column("face", "优惠"),
        Column("validity", "有效期"),
        Column("stores", "适用门店"),
        Column("stock", "已发 / 总量", css="number"),
        count("claimed", "已领取"),
        count("redeemed", "已核销"),
        status("state", "状态", _STATES),
        instant("created_at", "创建时间", sort=CouponTemplate.created_at),
    )
    column_filters = (
        Asked("券名称", contains(CouponTemplate.title)),
        Choice("券类型", equals(CouponTemplate.kind), options=tuple(COUPON_KINDS.items())),
    )
    field_labels = {
        "title": "券名称",
        "rule.value_fen": "面额",
        "rule.threshold_fen": "每满",
        "rule.reduce_fen": "减",
        "rule.rate_bp": "折扣",
        "rule.max_fen": "最多优惠",
        "rule.dishes": "菜品编码",
        "rule.quantity": "份数",
        "rule.price_fen": "团购价",
        "rule.text": "优惠内容",
        "rule": "优惠",
        "validity": "有效期",
        "hours": "可用时段",
        "stores": "适用门店",
        "stock": "发放总量",
        "per_member": "每人限领",
        "per_day": "每人每天限领",
    }

    def rows(self, found: Sequence[CouponTemplate]) -> list[TemplateRow]:
        promised = queries.revisions({t.revision_id for t in found if t.revision_id})
        lives = rollup.of_templates([t.id for t in found])
        return [_row(t, promised.get(t.revision_id or 0), lives[t.id]) for t in found]

    def draft(self, row: CouponTemplate | None) -> TemplateForm:
        source = row
        if row is None and request.method == "GET" and request.args.get("copy"):
            source = self.one(request.args["copy"])
        form = template_form.form_of(sent(), source, _revision(source))
        form.stores.choices = choices(*queries.store_choices())
        return form

    def form_facts(self, form: TemplateForm, row: CouponTemplate | None) -> Mapping[str, object]:
        return {"ticket": _preview(form)}

    def save(self, form: TemplateForm, row: CouponTemplate | None) -> None:
        code = row.code if row else template_form.new_code()
        kept = _revision(row)
        before: Facts | None = None
        if row is not None and kept is not None:
            before = {"title": kept.title, "rule": kept.rule, "stock": row.stock}
        wanted = template_form.draft(form, code=code, kept=kept)
        templates.save(wanted, now=clock.now())
        access.record(
            "template.save",
            f"券模板 {wanted.title}",
            before=before,
            after={"title": wanted.title, "rule": dict(wanted.rule), "stock": wanted.stock},
        )

    @page("/preview", methods=("POST",))
    def preview(self) -> Response:
        """券面 of the form as it stands now."""
        access.need(Right.EDIT_TEMPLATES)
        form = TemplateForm(request.form)
        form.stores.choices = choices(*queries.store_choices())
        form.validate()
        return make_response(self.render("desk/ticket.html", ticket=_preview(form)))

    @page("/archive/", methods=("POST",))
    def archive(self) -> Response:
        """停用 or 启用."""
        access.need(Right.EDIT_TEMPLATES)
        template = self.one(request.form.get("id"))
        _archive(template, archived=request.form.get("archived") == "1")
        return redirect(self.get_url(".index_view"))  # type: ignore[return-value]


@transactional
def _archive(template: CouponTemplate, *, archived: bool) -> None:
    templates.archive(template.id, archived=archived)
    action = "template.archive" if archived else "template.restore"
    access.record(action, f"券模板 {template.title}")


def _revision(template: CouponTemplate | None) -> TemplateRevision | None:
    if template is None or template.revision_id is None:
        return None
    return queries.revisions([template.revision_id])[template.revision_id]


def _preview(form: TemplateForm) -> object:
    weekdays, hours = list(form.weekdays.data or ()), list(form.hours.data or ())
    return ticket(
        title=form.title.data or "",
        kind=str(form.kind.data),
        rule=template_form.rule(form),
        minimum_fen=form.minimum.data or 0,
        validity=template_form.validity(form),
        hours={"weekdays": weekdays, "hours": hours},
        stores=len(form.stores.data or ()) if form.where.data == "some" else None,
    )


def _row(template: CouponTemplate, revision: TemplateRevision | None, life: Life) -> TemplateRow:
    shown = ticket_of(revision) if revision else None
    stock = "不限量" if template.stock is None else f"{template.issued:,} / {template.stock:,}"
    return TemplateRow(
        id=template.id,
        title=template.title,
        kind=template.kind,
        face=f"{shown.face.value} {shown.face.condition}" if shown and shown.face else "",
        validity=shown.validity if shown else "",
        stores="全部" if template.stores is None else f"{len(template.stores)} 家",
        stock=stock,
        claimed=life.claimed,
        redeemed=life.redeemed,
        state="off" if template.archived else "on",
        created_at=template.created_at,
    )
