"""营销活动: the list with its switches, the forms, one campaign's waves and funnel."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import Response, flash, make_response, redirect, request
from sqlalchemy import select

from admin import access, queries, words
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.campaigns.forms import FORMS, by_section
from admin.campaigns.forms.form import CampaignForm, draft
from admin.campaigns.live import CampaignLive
from admin.campaigns.queries import EXECUTING, gives_coupons, standing, the_one, waves
from admin.columns import Column, count, instant, status, word
from admin.filters import Asked, Choice, contains, equals
from admin.rights import Right
from admin.saving import sent
from admin.template_form import new_code
from backend import clock
from backend.campaigns import lifecycle, schedule
from backend.campaigns.kinds.periodic import PRESETS
from backend.campaigns.models import Campaign, CampaignKind, CampaignState
from backend.campaigns.programmes import PROGRAMMES
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
    label = EXECUTING if is_running else words.CAMPAIGN_STATES[state].label
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
        programme, form = PROGRAMMES[row.kind], FORMS[row.kind]
        return {
            "row": row,
            "in_waves": programme.waves is not None,
            "gives_coupons": gives_coupons(row.kind),
            "form": form,
            "gives": queries.gives([row.id]).get(row.id, []),
            "waves": waves(row.id),
            "funnel": rollup.of_campaigns([row.id])[row.id],
            "dates": _next_dates(row, n=5, now=now),
            "rules": form.in_words(row),
            "standing": standing(row, now=now),
        }

    def consequence(self, row: Campaign | CampaignRow) -> str:
        """What the switch would do, for the question before."""
        form = FORMS[row.kind]
        return form.pauses if row.state == CampaignState.RUNNING else form.starts

    # forms

    @page("/new/", methods=("GET", "POST"))
    def create_view(self) -> Response:
        """新建: from a ready-made point, or from nothing; a kind there is one of is edited."""
        kind = _kind(None)
        if kind not in FORMS:
            access.need(Right.EDIT_CAMPAIGNS)
            return make_response(
                self.render("desk/campaign_new.html", presets=list(PRESETS), sections=by_section())
            )
        if (existing := the_one(kind)) is not None:
            return cast(Response, redirect(self.get_url(".edit_view", id=existing.id)))
        return self._serve_form(None)

    def form_page(self, row: Campaign | None) -> str:
        return FORMS[_kind(row)].template

    def draft(self, row: Campaign | None) -> CampaignForm:
        kind = FORMS[_kind(row)]
        form: CampaignForm = kind.form(sent(), data=kind.begun(row))
        return form

    def form_facts(self, form: CampaignForm, row: Campaign | None) -> Mapping[str, object]:
        return FORMS[_kind(row)].facts(row, sent())

    def _label(self, path: str) -> str:
        parts = path.split(".")
        nouns = {"offers": "张券", "ranges": "个日期", "rules": "条规则", "rows": "行规则"}
        if parts[0] in nouns and len(parts) > 1:
            return f"第 {int(parts[1]) + 1} {nouns[parts[0]]}："
        return super()._label(path)

    def save(self, form: CampaignForm, row: Campaign | None) -> str:
        kind = _kind(row)
        before = None if row is None else dict(row.settings)
        wanted = draft(
            form,
            FORMS[kind].settings(form, row, request.form),
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


def _start(campaign_id: int, *, now: datetime) -> None:
    """What a mall has sold already is linked at once (S1-14)."""
    lifecycle.start(campaign_id, now=now)
    link.link_all(now=now)


def _kind(row: Campaign | None) -> str:
    return row.kind if row is not None else request.args.get("kind", "")


def _next_dates(campaign: Campaign, *, n: int, now: datetime) -> list[datetime]:
    if campaign.state != CampaignState.RUNNING:
        return []
    return schedule.next_dates(campaign, zone=access.shop().zone, n=n, now=now)
