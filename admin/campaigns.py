"""营销活动: the list with its switches, the two forms, one campaign's waves and funnel."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from flask import Response, flash, make_response, redirect, request
from pydantic import JsonValue
from sqlalchemy import select

from admin import (
    access,
    campaign_forms,
    campaign_queries,
    condition_form,
    exchange_form,
    gift_form,
    mall_form,
    points_forms,
    queries,
    words,
)
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.campaign_forms import CampaignForm, ClassForm, PeriodicForm
from admin.campaign_live import CampaignLive
from admin.columns import Column, count, instant, status, word
from admin.exchange_form import ExchangeForm
from admin.fields import row_id
from admin.filters import Asked, Choice, contains, equals
from admin.gift_form import GiftForm
from admin.mall_form import MallForm
from admin.points_words import rules_in_words
from admin.rights import Right
from admin.saving import sent
from admin.template_form import new_code
from backend import clock
from backend.campaigns import audience, lifecycle, programmes, schedule
from backend.campaigns.kinds.class_marketing import default_plan
from backend.campaigns.kinds.consumption_gift import ConsumptionGift
from backend.campaigns.kinds.mall_voucher import MallVoucher
from backend.campaigns.kinds.periodic import PRESETS
from backend.campaigns.kinds.settings import CampaignSettings
from backend.campaigns.models import Campaign, CampaignKind, CampaignState
from backend.database import db, transactional
from backend.errors import DomainError
from backend.malls import link
from backend.reports import rollup


@dataclass(frozen=True)
class CampaignRow:
    """活动 as the list shows it."""

    id: int
    switch: str
    name: str
    kind: str
    tags: str
    gives: str
    state: str
    next_at: datetime | None
    claimed: int
    redeemed: int


def _tab(state: CampaignState) -> Tab:
    """A running campaign is called 执行中 in 我的营销活动 (S2-56); its switch says 启动中."""
    is_running = state == CampaignState.RUNNING
    label = campaign_queries.EXECUTING if is_running else words.CAMPAIGN_STATES[state].label
    return Tab(state.value, label, lambda _now: Campaign.state == state)


def _tags() -> list[tuple[str, str]]:
    lists = db.session.scalars(select(Campaign.tags))
    known = sorted({str(tag) for tags in lists for tag in tags or ()})
    return [(tag, tag) for tag in known]


class Campaigns(CampaignLive, SecureModelView):
    """营销活动."""

    right = Right.CAMPAIGNS
    edit_right = Right.EDIT_CAMPAIGNS
    icon = "fa-bullhorn"
    noun = "活动"
    empty_help = "新建活动，从现成的方案开始最快"
    can_create = can_edit = can_view_details = True
    row_template = "desk/campaign_row.html"
    details_template = "desk/campaign.html"
    tabs = (Tab("", "全部"), *map(_tab, CampaignState))
    columns = (
        Column("switch", "开关"),
        Column("name", "活动名称"),
        word("kind", "种类", words.CAMPAIGN_KINDS),
        Column("tags", "标签"),
        Column("gives", "送什么", css="wrap"),
        status("state", "状态", words.CAMPAIGN_STATES),
        instant("next_at", "下一次发券"),
        count("claimed", "已领取"),
        count("redeemed", "已核销"),
    )
    column_filters = (
        Asked("活动名称", contains(Campaign.name)),
        Choice("种类", equals(Campaign.kind), options=tuple(words.CAMPAIGN_KINDS.items())),
        Choice("标签", lambda tag: queries.lists_one_of(Campaign.tags, [tag]), options=_tags),
    )
    field_labels = {
        "name": "活动名称",
        "to": "结束日期",
        "parts.new": "新客",
        "parts.ordinary": "普通客",
        "parts.loyal": "忠诚客",
        "coupons": "送什么",
        "timetable": "发券时间",
        "claim_window": "领券时间限制",
        "audience": "选择发券顾客",
        "budget": "预算",
        "points": "积分",
        "per_fen": "每消费",
        "levels": "按会员等级设置",
        "ranges": "日期范围",
        "weekdays": "每周",
        "multiple": "积分倍数",
        "offers": "可兑换的券",
        "rules": "赠送规则",
        "introduction": "活动介绍",
        "product": "商城商品编号",
        "template": "本地票券",
        "store": "适用店铺",
    }

    def rows(self, found: Sequence[Campaign]) -> list[CampaignRow]:
        ids = [campaign.id for campaign in found]
        gives = queries.gives(ids)
        lives = rollup.of_campaigns(ids)
        now = clock.now()
        return [
            CampaignRow(
                id=campaign.id,
                switch=campaign.state,
                name=campaign.name,
                kind=campaign.kind,
                tags="、".join(str(tag) for tag in campaign.tags or ()),
                gives="、".join(gives.get(campaign.id, [])),
                state=campaign.state,
                next_at=next(iter(_next_dates(campaign, n=1, now=now)), None),
                claimed=lives[campaign.id].claimed,
                redeemed=lives[campaign.id].redeemed,
            )
            for campaign in found
        ]

    def facts(self, row: Campaign) -> Mapping[str, object]:
        now = clock.now()
        settings = cast(dict[str, Any], row.settings)
        parsed = programmes.parse(row.kind, row.settings)
        conditions = settings.get("audience", {}).get("conditions", [])
        return {
            "row": row,
            "settings": settings,
            "parts": campaign_forms.PARTS,
            "chips": [condition_form.in_words(condition) for condition in conditions],
            "frozen": campaign_queries.frozen_count(row.id),
            "gives": queries.gives([row.id]).get(row.id, []),
            "waves": campaign_queries.waves(row.id),
            "funnel": rollup.of_campaigns([row.id])[row.id],
            "dates": _next_dates(row, n=5, now=now),
            "rules": _rules(parsed),
            "standing": campaign_queries.standing(row, now=now),
        }

    # forms

    @page("/new/", methods=("GET", "POST"))
    def create_view(self) -> Response:
        """新建: from a ready-made point, or from nothing; a kind there is one of is edited."""
        if (existing := points_forms.the_one(_kind(None))) is not None:
            return cast(Response, redirect(self.get_url(".edit_view", id=existing.id)))
        if _kind(None) not in words.CAMPAIGN_KINDS:
            access.need(Right.EDIT_CAMPAIGNS)
            return make_response(self.render("desk/campaign_new.html", presets=list(PRESETS)))
        return self._serve_form(None)

    def form_page(self, row: Campaign | None) -> str:
        match _kind(row):
            case CampaignKind.CLASS_MARKETING:
                return "desk/class_form.html"
            case CampaignKind.PERIODIC:
                return "desk/periodic_form.html"
            case CampaignKind.POINTS_EXCHANGE:
                return "desk/exchange_form.html"
            case CampaignKind.CONSUMPTION_GIFT:
                return "desk/gift_form.html"
            case CampaignKind.MALL_VOUCHER:
                return "desk/mall_campaign_form.html"
        return "desk/points_form.html"

    def draft(self, row: Campaign | None) -> CampaignForm:
        kind = _kind(row)
        if kind in points_forms.FORMS:
            return points_forms.FORMS[kind](sent(), data=points_forms.begun(row, kind))
        if kind == CampaignKind.POINTS_EXCHANGE:
            return ExchangeForm(sent(), data=exchange_form.begun(row))
        if kind == CampaignKind.CONSUMPTION_GIFT:
            return GiftForm(sent(), data=gift_form.begun(row))
        if kind == CampaignKind.MALL_VOUCHER:
            return MallForm(sent(), data=mall_form.begun(row))
        form: Callable[..., CampaignForm] = (
            ClassForm if kind == CampaignKind.CLASS_MARKETING else PeriodicForm
        )
        return form(sent(), data=campaign_forms.filled(row, preset=request.args.get("preset", "")))

    def form_facts(self, form: CampaignForm, row: Campaign | None) -> Mapping[str, object]:
        if _kind(row) in points_forms.FORMS:
            return points_forms.facts(row, _kind(row), sent())
        if isinstance(form, ExchangeForm):
            return exchange_form.facts(row, sent())
        if isinstance(form, GiftForm):
            return gift_form.facts(row, sent())
        if isinstance(form, MallForm):
            return {}
        facts: dict[str, object] = {"offered": queries.offered_templates()}
        if _kind(row) == CampaignKind.CLASS_MARKETING:
            return facts | {"parts": _parts(row)}
        settings = _settings(row)
        wanted = settings.get("audience", {})
        posted = request.method == "POST"
        rows = condition_form.sent(request.form) if posted else None
        given = campaign_forms.given_rows(request.form, "given") if posted else None
        return facts | {
            "rows": rows
            if rows is not None
            else condition_form.stored(wanted.get("conditions", [])),
            "given": given
            if given is not None
            else campaign_forms.stored_rows(settings.get("coupons")),
            "kinds": condition_form.KINDS,
            "ops": condition_form.OPS,
            "people": _people(request.form.getlist("member") if posted else None, wanted),
        }

    def _label(self, path: str) -> str:
        parts = path.split(".")
        nouns = {"offers": "张券", "ranges": "个日期", "rules": "条规则", "rows": "行规则"}
        if parts[0] in nouns and len(parts) > 1:
            return f"第 {int(parts[1]) + 1} {nouns[parts[0]]}："
        return super()._label(path)

    def save(self, form: CampaignForm, row: Campaign | None) -> str:
        kind = _kind(row)
        before = None if row is None else dict(row.settings)
        wanted = campaign_forms.draft(
            form,
            _sent_settings(form, row),
            kind=kind,
            code=row.code if row else new_code(),
            row=row,
        )
        saved = lifecycle.save(wanted, now=clock.now())
        access.record("campaign.save", f"活动 {saved.name}", before=before, after=saved.settings)
        if request.form.get("then") == "start" and saved.state != CampaignState.RUNNING:
            access.need(Right.RUN_CAMPAIGNS)
            lifecycle.start(saved.id, now=clock.now())
            access.record("campaign.start", f"活动 {saved.name}")
        if kind == CampaignKind.MALL_VOUCHER:
            link.link_all(now=clock.now())
        return str(self.get_url(".details_view", id=saved.id))

    # the switch

    @page("/start/", methods=("POST",))
    def start(self) -> Response:
        """启动 (R-22: one click and a yes)."""
        return self._move(_start, "campaign.start", "已启动")

    @page("/pause/", methods=("POST",))
    def pause(self) -> Response:
        """暂停: nothing more is granted from now on, nothing is taken back."""
        return self._move(lifecycle.pause, "campaign.pause", "已暂停，从现在起不再发券")

    @page("/end/", methods=("POST",))
    def end(self) -> Response:
        """结束, for good."""
        return self._move(lifecycle.end, "campaign.end", "已结束")

    def _move(self, use_case: Callable[..., None], action: str, said: str) -> Response:
        access.need(Right.RUN_CAMPAIGNS)
        campaign = self.one(request.form.get("id"))

        @transactional
        def move() -> None:
            use_case(campaign.id, now=clock.now())
            access.record(action, f"活动 {campaign.name}")

        try:
            move()
            flash(f"“{campaign.name}”{said}")
        except DomainError as refusal:
            flash(refusal.message, "error")
        back = request.form.get("back")
        target = ".details_view" if back == "details" else ".index_view"
        return cast(
            Response,
            redirect(self.get_url(target, **({"id": campaign.id} if back == "details" else {}))),
        )


def _sent_settings(form: CampaignForm, row: Campaign | None) -> dict[str, JsonValue]:
    match form:
        case PeriodicForm():
            rows = condition_form.sent(request.form)
            return campaign_forms.periodic_settings(form, rows, request.form)
        case ClassForm():
            return campaign_forms.class_settings(request.form)
        case ExchangeForm():
            return exchange_form.settings(form, row, request.form)
        case GiftForm():
            return gift_form.settings(form, request.form)
        case MallForm():
            return mall_form.settings(form)
    return points_forms.settings(form, request.form)


def _rules(settings: CampaignSettings) -> list[tuple[str, str]]:
    match settings:
        case ConsumptionGift():
            return gift_form.in_words(settings)
        case MallVoucher():
            return mall_form.in_words(settings)
    return rules_in_words(settings)


def _start(campaign_id: int, *, now: datetime) -> None:
    """What a mall has sold already is linked at once (S1-14)."""
    lifecycle.start(campaign_id, now=now)
    link.link_all(now=now)


def _kind(row: Campaign | None) -> str:
    return row.kind if row is not None else request.args.get("kind", "")


def _settings(row: Campaign | None) -> dict[str, Any]:
    if row is not None:
        return cast(dict[str, Any], row.settings)
    return cast(dict[str, Any], PRESETS.get(request.args.get("preset", ""), {}))


def _parts(row: Campaign | None) -> list[tuple[str, str, dict[str, Any]]]:
    """The three columns: value, label, and what stands in each."""
    if request.method == "POST":
        settings: Any = campaign_forms.class_settings(request.form)
    elif row is not None:
        settings = row.settings
    else:
        settings = default_plan().model_dump(mode="json")
        for part in settings["parts"].values():
            part["coupons"] = []
    return [
        (part, label, {**settings["parts"].get(part, {"on": False, "again": False, "coupons": []})})
        for part, label in campaign_forms.PARTS
    ]


def _people(sent_ids: Sequence[str] | None, wanted: Mapping[str, Any]) -> list[object]:
    if sent_ids is None:
        ids = [int(n) for n in wanted.get("members", ())]
        phones = [str(phone) for phone in wanted.get("phones", ())]
    else:
        ids, phones = [row_id(text) for text in sent_ids][:500], []
    found = queries.people(ids) if ids else {}
    return [*found.values(), *(p for phone in phones[:500] for p in audience.find_exact(phone))]


def _next_dates(campaign: Campaign, *, n: int, now: datetime) -> list[datetime]:
    if campaign.state != CampaignState.RUNNING:
        return []
    return schedule.next_dates(campaign, zone=access.shop().zone, n=n, now=now)
