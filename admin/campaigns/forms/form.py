"""活动表单: what the form of every kind has, and what a kind adds to it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from pydantic import JsonValue
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, StringField, TextAreaField
from wtforms.validators import Length

from admin.fields import CodesField, DayField, DeskForm, Needed, WholeField
from backend.campaigns import programmes
from backend.campaigns.draft import CampaignDraft, draft_of
from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.models import Campaign
from backend.errors import FieldError

MOST = 10**9


class CampaignForm(DeskForm):
    """What every campaign has."""

    name = StringField("活动名称", [Needed(), Length(max=40, message="最多 40 字")])
    description = TextAreaField("活动描述", [Length(max=1000, message="最多 1000 字")])
    tags = CodesField("活动标签")
    starts_on = DayField("开始日期")
    ends_on = DayField("结束日期")
    budget_total = WholeField("最多发放", most=MOST)
    budget_per_day = WholeField("每天最多发放", most=MOST)
    control = WholeField("对照组", most=50)
    online_activity = BooleanField("线上活动")


F = TypeVar("F", bound=CampaignForm)


class KindForm(ABC, Generic[F]):
    """How one kind of campaign looks at the desk."""

    form: type[F]
    template: str
    section: str = "自己设置"
    """Under which heading it is offered."""
    help: str
    """What it does for the merchant, in a line, where a kind is chosen."""
    starts: str
    """What starting it means, for the question before."""
    pauses: str = "暂停后从现在起不再发券；已经发出和领取的券不受影响。"
    lists_coupons: bool = False
    """Its own words name what it gives."""

    @abstractmethod
    def begun(self, row: Campaign | None) -> dict[str, Any]:
        """What the form begins with."""

    @abstractmethod
    def settings(
        self, form: F, row: Campaign | None, sent: MultiDict[str, str]
    ) -> dict[str, JsonValue]:
        """The kind's settings as sent; CampaignInvalid names what cannot be read."""

    @abstractmethod
    def in_words(self, row: Campaign) -> list[tuple[str, str]]:
        """Term and words, line by line, for the campaign's page."""

    def facts(self, row: Campaign | None, sent: MultiDict[str, str] | None) -> Mapping[str, object]:
        """What the page shows besides the form's own fields; as ``sent``, where it came back."""
        return {}


def draft(
    form: CampaignForm,
    settings: Mapping[str, JsonValue],
    *,
    kind: str,
    code: str,
    row: Campaign | None,
) -> CampaignDraft:
    """The form as a draft; the stores, which it does not show, are kept."""
    if form.starts_on.data and form.ends_on.data and form.ends_on.data < form.starts_on.data:
        raise CampaignInvalid(errors=[FieldError(field="to", message="早于开始日期")])
    online = bool(form.online_activity.data)
    return CampaignDraft(
        code=code,
        kind=kind,
        settings=programmes.parse(kind, settings),
        name=(form.name.data or "").strip(),
        description=form.description.data or "",
        tags=tuple(form.tags.data or ()),
        stores=draft_of(row).stores if row else None,
        starts_on=form.starts_on.data,
        ends_on=form.ends_on.data,
        online_activity=online,
        budget_total=form.budget_total.data,
        budget_per_day=form.budget_per_day.data,
        control_bp=(form.control.data or 0) * 100,
    )


def filled(row: Campaign) -> dict[str, Any]:
    """What every campaign's form begins with."""
    return {
        "name": row.name,
        "description": row.description,
        "tags": tuple(str(tag) for tag in row.tags or ()),
        "starts_on": row.starts_on,
        "ends_on": row.ends_on,
        "budget_total": row.budget_total,
        "budget_per_day": row.budget_per_day,
        "control": row.control_bp // 100 or None,
        "online_activity": row.online_activity,
    }


def stored(row: Campaign | None) -> dict[str, Any]:
    """The settings as stored; nothing for a new campaign."""
    return cast(dict[str, Any], row.settings if row else {})


@dataclass(frozen=True)
class Given:
    """One row of 券 × 张数, as typed."""

    template: str
    quantity: str


def given_rows(form: MultiDict[str, str], name: str) -> list[Given]:
    """Rows of 券 × 张数 as sent; rows without a coupon are passed over."""
    pairs = zip(form.getlist(f"{name}-template"), form.getlist(f"{name}-quantity"), strict=False)
    return [Given(template, quantity.strip()) for template, quantity in pairs if template][:50]


def stored_rows(coupons: object) -> list[Given]:
    """Rows of 券 × 张数 as stored."""
    rows = cast(Sequence[Mapping[str, Any]], coupons or ())
    return [Given(str(row["template"]), str(row.get("quantity", 1))) for row in rows]


def given_settings(rows: Sequence[Given]) -> list[JsonValue]:
    """Rows of 券 × 张数 as settings."""
    return [
        {
            "template": row.template,
            "quantity": int(row.quantity)
            if row.quantity.isascii() and row.quantity.isdigit() and len(row.quantity) < 6
            else row.quantity,
        }
        for row in rows
    ]


def whole(text: str, *, field: str, who: str) -> int:
    """A whole number as typed; CampaignInvalid says whose it is."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise CampaignInvalid(errors=[FieldError(field=field, message=f"{who}应为整数")])
