"""``messages`` and ``menu``: the templates of what is said to people, and the buttons."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members.models import MemberLevel
from backend.merchants.models import Merchant, Store
from backend.messaging.channels import CHANNELS
from backend.messaging.models import Channel, MessageTemplate, Purpose
from backend.messaging.unfit import misfit
from backend.setup.applying import Applying
from backend.setup.section import Section
from backend.wechat.models import WechatApp

Fact = Literal[
    "title",
    "valid_from",
    "valid_to",
    "count",
    "number",
    "store",
    "merchant",
    "amount",
    "points",
    "points_total",
    "level",
    "time",
    "remark",
]


class MessageEntry(Section):
    """A template of one purpose on one channel; ``fields`` maps WeChat's names to ours."""

    purpose: Purpose
    channel: Channel
    app_id: str = ""
    template_id: Annotated[str, StringConstraints(max_length=64)] = ""
    page: Annotated[str, StringConstraints(max_length=200)] = ""
    fields: dict[Annotated[str, StringConstraints(pattern=r"^[a-z_]+[0-9.A-Z]*$")], Fact] = {}
    active: bool = True


class Button(Section):
    """菜单项, as WeChat's menu/create takes it."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    type: str | None = None
    key: Annotated[str, StringConstraints(max_length=128)] | None = None
    url: Annotated[str, StringConstraints(max_length=1024)] | None = None
    appid: str | None = None
    pagepath: str | None = None
    media_id: str | None = None
    article_id: str | None = None
    sub_button: list["Button"] = Field(default=[], max_length=5)


Menu = Annotated[list[Button], Field(max_length=3)]


def apply(entries: Sequence[MessageEntry], run: Applying, *, at: str) -> None:
    """消息模板, one per purpose, channel and app."""
    apps: dict[str, str] = {}
    for app in db.session.scalars(
        select(WechatApp).where(
            (WechatApp.merchant_id == run.merchant_id) | WechatApp.merchant_id.is_(None)
        )
    ):
        apps[app.app_id] = app.kind
    for position, entry in enumerate(entries):
        if entry.app_id and entry.app_id not in apps:
            run.refuse(f"{at}.{position}.app_id", f"没有绑定{entry.app_id}")
            continue
        way = CHANNELS.get(entry.channel)
        if way and entry.app_id and apps[entry.app_id] != way.app_kind:
            run.refuse(f"{at}.{position}.app_id", f"{entry.app_id}不是{way.app_kind.label}")
            continue
        for name, fact in entry.fields.items():
            if wrong := misfit(name, fact, values=_values(fact)):
                run.warn(f"{at}.{position}.fields.{name}", wrong)
        row = _known(entry)
        named = entry.named("app_id", "template_id", "page", "fields", "active")
        run.store(
            row
            or MessageTemplate(
                merchant_id=run.merchant_id, purpose=entry.purpose, channel=entry.channel
            ),
            named,
            subject=f"message {entry.purpose}/{entry.channel}",
        )


def _values(fact: str) -> Sequence[str]:
    """What this data name says at this merchant, where that is known before."""
    match fact:
        case "level":
            return db.session.scalars(select(MemberLevel.name)).all()
        case "store":
            return db.session.scalars(select(Store.name)).all()
        case "merchant":
            ours = select(Merchant.name).where(Merchant.id == tenancy.merchant_id())
            return db.session.scalars(ours).all()
    return ()


def _known(entry: MessageEntry) -> MessageTemplate | None:
    """The template that is meant; where no app is named, the only one there is."""
    wanted = select(MessageTemplate).where(
        MessageTemplate.purpose == entry.purpose, MessageTemplate.channel == entry.channel
    )
    if "app_id" in entry.model_fields_set:
        wanted = wanted.where(MessageTemplate.app_id == entry.app_id)
    rows = db.session.scalars(wanted.order_by(MessageTemplate.id).limit(2)).all()
    return rows[0] if len(rows) == 1 else None


def export() -> list[JsonValue]:
    """The templates."""
    told: list[JsonValue] = []
    for row in db.session.scalars(select(MessageTemplate).order_by(MessageTemplate.id)):
        entry: dict[str, JsonValue] = {"purpose": row.purpose, "channel": row.channel}
        for name in ("app_id", "template_id", "page", "fields"):
            if value := getattr(row, name):
                entry[name] = value
        if not row.active:
            entry["active"] = False
        told.append(entry)
    return told
