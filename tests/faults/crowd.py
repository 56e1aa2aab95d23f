"""顾客: some thousand followers with consents, written into both sides by SQL.

Their openids follow from person and app as the local WeChat platform spells them.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, Table, insert, select

from backend.database import table_of
from backend.members.models import Identity, Member, MemberLevel, WechatUser
from backend.merchants.models import Merchant
from backend.messaging.models import Consent, ConsentEntry
from scripts.wechat_platform.people import add_person, openid_of, set_follow
from scripts.wechat_platform.store import Store

CONSENTS = 5
"""More than one each, so that a second message would get through."""


@dataclass(frozen=True)
class Face:
    """Somebody with their openids."""

    person: str
    oa: str
    mini: str


def arrive(
    engine: Engine,
    platform: Path,
    *,
    people: int,
    oa: str,
    mini: str,
    template: str,
    at: datetime,
) -> None:
    """So many people follow ``oa`` since ``at`` and have accepted messages of ``template``."""
    faces = _on_the_phone(platform, people, oa=oa, mini=mini, template=template, at=at)
    with engine.begin() as connection:
        merchant_id = connection.scalar(select(table_of(Merchant).c.id))
        level_id = connection.scalar(select(table_of(MemberLevel).c.id))
        mine = {"merchant_id": merchant_id}

        def write(table: Table, rows: list[dict[str, object]]) -> list[int]:
            connection.execute(insert(table), rows)
            found = connection.scalars(select(table.c.id).order_by(table.c.id))
            return list(found)[-len(rows) :]

        members = write(
            table_of(Member),
            [
                mine | {"nickname": face.person, "joined_at": at, "level_id": level_id}
                | {"follows": True}
                for face in faces
            ],
        )  # fmt: skip
        by_oa, by_mini = (
            write(
                table_of(WechatUser),
                [{"app_id": app, "openid": openid, "created_at": at} for openid in openids],
            )
            for app, openids in ((oa, [f.oa for f in faces]), (mini, [f.mini for f in faces]))
        )
        for users, followed in ((by_oa, at), (by_mini, None)):
            write(
                table_of(Identity),
                [
                    mine | {"member_id": member, "wechat_user_id": user, "followed_at": followed}
                    for member, user in zip(members, users, strict=True)
                ],
            )
        consents = write(
            table_of(Consent),
            [
                {"wechat_user_id": user, "template_id": template, "remaining": CONSENTS}
                for user in by_mini
            ],
        )
        write(
            table_of(ConsentEntry),
            [
                {"consent_id": one, "change": CONSENTS, "remaining": CONSENTS}
                | {"cause": "accepted", "at": at}
                for one in consents
            ],
        )  # fmt: skip


def _on_the_phone(
    platform: Path, people: int, *, oa: str, mini: str, template: str, at: datetime
) -> list[Face]:
    store, faces = Store(platform), []
    since = at.timestamp()
    with store.transaction():
        for number in range(people):
            person = add_person(store, f"顾客{number}", id=f"guest-{number:05d}", now=since)
            face = Face(person.id, openid_of(store, person, oa), openid_of(store, person, mini))
            set_follow(store, face.oa, oa, following=True, now=since)
            store.run("INSERT INTO credit VALUES (?, ?, ?, ?)", mini, face.mini, template, CONSENTS)
            faces.append(face)
    store.close()
    return faces
