"""各等级 on a form: what is said for each level, as typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from backend.database import db
from backend.members.models import MemberLevel
from backend.money import yuan


@dataclass(frozen=True)
class LevelRow:
    """会员等级 with what the form says for it, as typed: 每消费 ``per`` 元, and points or times."""

    id: int
    name: str
    per: str = ""
    number: str = ""


def levels() -> list[LevelRow]:
    """会员等级 in their order."""
    found = select(MemberLevel.id, MemberLevel.name).order_by(MemberLevel.position)
    return [LevelRow(row.id, row.name) for row in db.session.execute(found)]


def sent_levels(sent: MultiDict[str, str]) -> list[LevelRow]:
    """Each level as the form sent it."""
    return [
        LevelRow(
            level.id,
            level.name,
            sent.get(f"level-{level.id}-per", "").strip(),
            sent.get(f"level-{level.id}-number", "").strip(),
        )
        for level in levels()
    ]


def stored_levels(said: Mapping[str, Any]) -> list[LevelRow]:
    """Each level as the settings say it."""
    rates, multiple = said.get("levels", {}), said.get("multiple")
    rows = []
    for level in levels():
        per, number = "", ""
        if rate := rates.get(level.name):
            per, number = yuan(rate["per_fen"]), str(rate["points"])
        elif isinstance(multiple, dict):
            number = str(multiple.get(level.name, 1))
        rows.append(LevelRow(level.id, level.name, per, number))
    return rows
