"""操作日志: who changed what, before and after. Read only, like the table behind it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from sqlalchemy import ColumnElement

from admin import access, words
from admin.base import SecureModelView
from admin.columns import Column, instant, plain, word
from admin.filters import Asked, Choice, DayRange, contains, equals
from admin.rights import Right
from admin.words import AUDIT_ACTIONS
from backend.merchants.models import AuditEntry
from backend.money import yuan_amount


def _said_by(actor: str) -> Markup | str:
    return words.AUDIT_ACTORS.get(actor, actor)


def _from(origin: str) -> Markup | str:
    return words.AUDIT_ORIGINS.get(origin) or plain(origin)


def _read(name: str, value: object) -> str:
    """What stood there or stands there now: amounts in yuan, words and figures as they are, the
    rest as JSON."""
    if value is None or isinstance(value, bool):
        return {None: "", True: "是", False: "否"}[value]
    if isinstance(value, int) and name.endswith("_fen"):
        return yuan_amount(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "、".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


class AuditLog(SecureModelView):
    """操作日志."""

    right = Right.AUDIT
    icon = "fa-history"
    noun = "操作"
    can_view_details = can_export = True
    row_template = "desk/audit_row.html"
    details_template = "desk/audit.html"
    columns = (
        instant("at", "时间", sort=AuditEntry.at),
        Column("actor", "操作人", show=_said_by),
        word("action", "动作", AUDIT_ACTIONS),
        Column("subject", "对象", show=words.audit_subject),
        Column("origin", "来源", show=_from),
    )
    column_filters = (
        Asked("操作人", contains(AuditEntry.actor)),
        Choice("动作", equals(AuditEntry.action), options=tuple(AUDIT_ACTIONS.items())),
        DayRange("时间", AuditEntry.at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        return (AuditEntry.merchant_id == access.shop().id,)

    def order(self) -> Sequence[Any]:
        return (AuditEntry.at.desc(), AuditEntry.id.desc())

    def facts(self, row: AuditEntry) -> Mapping[str, object]:
        before, after = row.before or {}, row.after or {}
        names = list(dict.fromkeys((*before, *after)))
        changes = [
            (
                words.AUDIT_FIELDS.get(name, name),
                *(_read(name, of.get(name)) for of in (before, after)),
            )
            for name in names
        ]
        return {"row": row, "changes": changes, "said_by": _said_by, "came_from": _from}
