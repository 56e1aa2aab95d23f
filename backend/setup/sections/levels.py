"""``levels``: 会员等级, from the lowest; the first is what every new member has."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints
from sqlalchemy import select

from backend.database import db
from backend.members.models import MemberLevel
from backend.setup.applying import Applying
from backend.setup.section import Fen, Name, Section, too_low


class Upgrade(Section):
    """升级条件: what of it is named counts; all or any, as ``levels_match`` says."""

    amount_fen: Fen | None = None
    times: int | None = Field(default=None, ge=0)
    recharge_fen: Fen | None = None


class LevelEntry(Section):
    name: Name
    upgrade: Upgrade = Upgrade()
    discount_bp: int = Field(default=10000, ge=1, le=10000)
    rights: Annotated[str, StringConstraints(max_length=500)] = ""


def apply(entries: Sequence[LevelEntry], run: Applying, *, at: str) -> None:
    """等级. The file's order is the order of the levels it names when it names them all; a new
    level of a partial list stands above those that exist."""
    known = {level.name: level for level in _levels()}
    names = [entry.name for entry in entries]
    _judge(entries, known, run, at=at)
    if run.problems:
        return
    in_order = set(names) >= set(known)
    highest = max((level.position for level in known.values()), default=-1)
    for position, entry in enumerate(entries):
        named = entry.named("discount_bp", "rights")
        if "upgrade" in entry.model_fields_set:
            named["upgrade"] = entry.upgrade.model_dump(exclude_unset=True)
        level = known.get(entry.name)
        if in_order:
            named["position"] = position
        elif level is None:
            highest += 1
            named["position"] = highest
        run.store(
            level or MemberLevel(merchant_id=run.merchant_id, name=entry.name),
            named,
            subject=f"level {entry.name}",
        )


def _judge(
    entries: Sequence[LevelEntry], known: Mapping[str, MemberLevel], run: Applying, *, at: str
) -> None:
    names = [entry.name for entry in entries]
    for position, entry in enumerate(entries):
        if entry.name in names[:position]:
            run.refuse(f"{at}.{position}.name", f"等级{entry.name}重复")
        level = known.get(entry.name)
        is_new = level is None or level.discount_bp != entry.discount_bp
        if is_new and (words := too_low(entry.discount_bp)):
            run.refuse(f"{at}.{position}.discount_bp", words)


def export() -> list[JsonValue]:
    """The levels in their order."""
    told: list[JsonValue] = []
    for level in _levels():
        entry: dict[str, JsonValue] = {"name": level.name, "discount_bp": level.discount_bp}
        if level.upgrade:
            entry["upgrade"] = level.upgrade
        if level.rights:
            entry["rights"] = level.rights
        told.append(entry)
    return told


def _levels() -> list[MemberLevel]:
    return list(
        db.session.scalars(select(MemberLevel).order_by(MemberLevel.position, MemberLevel.id))
    )
