"""``wechat``: 小程序 and 公众号 of a merchant, or the ones the operator shares (S0-03)."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import JsonValue, StringConstraints
from sqlalchemy import select

from backend.database import db
from backend.setup.applying import Applying
from backend.setup.section import Secret, Section
from backend.wechat.models import WechatApp


class WechatEntry(Section):
    app_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{4,64}$")]
    kind: Literal["miniprogram", "official_account"]
    name: Annotated[str, StringConstraints(max_length=60)] = ""
    secret: Secret | None = None
    token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,32}$")] | None = None
    aes_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{43}$")] | None = None


def apply(entries: Sequence[WechatEntry], run: Applying, *, at: str) -> None:
    """绑定. An app belongs to one merchant, or to the operator; its kind never changes."""
    for position, entry in enumerate(entries):
        path = f"{at}.{position}"
        app = db.session.scalars(
            select(WechatApp).where(WechatApp.app_id == entry.app_id)
        ).one_or_none()
        if app is None and not entry.secret:
            run.refuse(f"{path}.secret", "必填")
        elif app is not None and app.merchant_id != run.merchant_id:
            run.refuse(f"{path}.app_id", f"{entry.app_id}已由别人绑定")
        elif app is not None and app.kind != entry.kind:
            run.refuse(f"{path}.kind", f"{entry.app_id}是 {app.kind}，不能改变")
        else:
            named = entry.named("name", "secret", "token", "aes_key")
            if app is None:
                app = WechatApp(app_id=entry.app_id, kind=entry.kind, merchant_id=run.merchant_id)
                named |= {"kind": entry.kind}
            run.store(app, named, subject=f"wechat {entry.app_id}")


def export(merchant_id: int | None) -> list[JsonValue]:
    """The apps without their secrets."""
    apps = db.session.scalars(
        select(WechatApp)
        .where(WechatApp.merchant_id.is_not_distinct_from(merchant_id))
        .order_by(WechatApp.id)
    )
    told: list[JsonValue] = []
    for app in apps:
        entry: dict[str, JsonValue] = {"app_id": app.app_id, "kind": app.kind}
        if app.name:
            entry["name"] = app.name
        told.append(entry)
    return told
