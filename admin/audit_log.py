"""操作日志: who changed what, before and after. Read only, like the table behind it."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement

from admin import access
from admin.base import SecureModelView
from admin.columns import Column, instant, word
from admin.filters import Asked, Choice, DayRange, contains, equals
from admin.rights import Right
from admin.words import AUDIT_ACTIONS
from backend.merchants.models import AuditEntry


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
        Column("actor", "操作人"),
        word("action", "操作", AUDIT_ACTIONS),
        Column("subject", "对象"),
        Column("origin", "来源地址"),
    )
    column_filters = (
        Asked("操作人", contains(AuditEntry.actor)),
        Choice("操作", equals(AuditEntry.action), options=tuple(AUDIT_ACTIONS.items())),
        DayRange("时间", AuditEntry.at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        return (AuditEntry.merchant_id == access.shop().id,)

    def facts(self, row: AuditEntry) -> Mapping[str, object]:
        before, after = row.before or {}, row.after or {}
        names = list(dict.fromkeys((*before, *after)))
        changes = [(name, before.get(name), after.get(name)) for name in names]
        return {"row": row, "changes": changes}
