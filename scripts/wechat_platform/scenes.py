"""带参二维码 and 小程序码: a ticket stands for a scene of an app."""

import io
import secrets
from dataclasses import dataclass

import qrcode
from qrcode.image.pil import PilImage

from scripts.wechat_platform.accounts import Account, Kind
from scripts.wechat_platform.store import Store


@dataclass(frozen=True)
class Scene:
    """One printed code; ``title`` says whose, if a set-up file does."""

    ticket: str
    app_id: str
    scene: str
    page: str | None
    title: str


def new_scene(
    store: Store,
    account: Account,
    scene: str,
    *,
    page: str | None = None,
    title: str = "",
    until: float | None = None,
) -> Scene:
    ticket = "gQ" + secrets.token_urlsafe(60)
    store.run(
        "INSERT INTO scene VALUES (?, ?, ?, ?, ?, ?, ?)",
        ticket,
        account.app_id,
        account.kind,
        scene,
        page,
        title,
        until,
    )
    return Scene(ticket, account.app_id, scene, page, title)


def scene_with_ticket(store: Store, ticket: str) -> Scene | None:
    row = store.row("SELECT * FROM scene WHERE ticket=?", ticket)
    return Scene(ticket, row["app_id"], row["scene"], row["page"], row["title"]) if row else None


def ticket_of(store: Store, account: Account, scene: str, *, now: float) -> str:
    """The ticket printed for this scene; a new one if nobody asked for a code before."""
    row = store.row(
        "SELECT ticket FROM scene WHERE app_id=? AND scene=? AND (until IS NULL OR until>?)",
        account.app_id,
        scene,
        now,
    )
    return str(row["ticket"]) if row else new_scene(store, account, scene).ticket


def scenes_of(store: Store, kind: Kind, *, now: float) -> list[Scene]:
    """The codes that hang on walls, the newest of each scene only."""
    rows = store.rows(
        "SELECT * FROM scene WHERE kind=? AND (until IS NULL OR until>?)"
        " GROUP BY app_id, scene HAVING rowid = max(rowid) ORDER BY rowid",
        kind,
        now,
    )
    return [
        Scene(row["ticket"], row["app_id"], row["scene"], row["page"], row["title"]) for row in rows
    ]


def qr_picture(text: str, *, image: str = "PNG") -> bytes:
    picture = io.BytesIO()
    drawn = qrcode.make(text, image_factory=PilImage, border=2).get_image()
    drawn.convert("RGB").save(picture, image)
    return picture.getvalue()
