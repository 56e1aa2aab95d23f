"""列表与表单: the one base of every list of the desk.

Closed by default: nothing is made, changed, deleted, exported or acted upon unless a view says so
and the role has the right. Rows come scoped to merchant and stores; what is not visible is 404.
Saving is one transaction with its audit entry; moving a state is a use case's business, not ours.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, cast

from flask import Response, abort, flash, make_response, redirect, request
from flask_admin.base import BaseView
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import BaseForm
from sqlalchemy import ColumnElement, Subquery, case, false, func, select, true

from admin import access, spreadsheets
from admin.access import page
from admin.columns import Column
from admin.filters import Asked
from admin.guarded import Guarded
from admin.rights import Right
from admin.saving import Saves
from backend import clock
from backend.calendar import local
from backend.database import db, transactional

MOST_COUNTED = 5000
"""Counts of tabs stop here, and so do pages and exports: further down nobody reads, ask the search
bar. A count over the whole table would cost more the larger the shop."""


@dataclass(frozen=True)
class Tab:
    """状态页签, counted with all others in one statement, up to ``MOST_COUNTED`` rows of all."""

    value: str
    label: str
    condition: Callable[[datetime], ColumnElement[bool]] = lambda _now: true()


@dataclass(frozen=True)
class Counts:
    """How many rows each tab has, by its value; where not all rows were looked at, at least."""

    known: Mapping[str, int]
    is_all: bool

    def told(self, tab: Tab) -> str:
        """``1,234``; ``5,000+``; nothing where none was seen among many."""
        n = self.known[tab.value]
        if self.is_all:
            return f"{n:,}"
        return f"{min(n, MOST_COUNTED):,}+" if n else ""


class DeskPage(Guarded, BaseView):  # type: ignore[misc]
    """A page that is not a list."""

    icon = "fa-file-o"


class SecureModelView(Guarded, Saves, ModelView):  # type: ignore[misc]
    """A list with search bar, tabs and row actions; details and a form where a view has them."""

    icon = "fa-list"
    columns: Sequence[Column] = ()
    tabs: Sequence[Tab] = (Tab("", "全部"),)
    noun = ""
    empty_help = ""
    row_template = ""
    summary_template = ""
    list_help = ""

    can_create = can_edit = can_delete = can_export = can_view_details = False
    action_disallowed_list: ClassVar[list[str]] = ["delete"]
    list_template = "desk/list.html"
    details_template = ""
    named_filter_urls = False
    simple_list_pager = True
    page_size = 20
    page_size_options = (20, 50, 100)
    can_set_page_size = True
    form = BaseForm

    # what a view says

    def visible(self) -> Sequence[ColumnElement[bool]]:
        """Conditions besides the merchant: limits of stores, rows of their own kind."""
        return ()

    def order(self) -> Sequence[Any]:
        """The order of a list nobody sorted: newest first."""
        return (self.model.id.desc(),)

    def rows(self, found: Sequence[Any]) -> Sequence[object]:
        """The rows as the columns read them, with what belongs to them from other tables."""
        return found

    def facts(self, row: Any) -> Mapping[str, object]:
        """What the details page shows."""
        return {"row": row}

    def summary(self, filters: Sequence[tuple[int, str, str]]) -> Mapping[str, object]:
        """What stands above the rows, where a view has a template for it."""
        return {}

    def none_found(self) -> str:
        """What a search that found nothing is answered."""
        return f"没有符合条件的{self.noun or '记录'}"

    # pages

    @page("/")
    def index_view(self) -> Response:
        """列表."""
        arguments = self._get_list_extra_args()
        size = self.get_safe_page_size(arguments.page_size)
        counts = self._counts(arguments.filters)
        arguments.page = min(arguments.page, MOST_COUNTED // size - 1)
        _count, found = self.get_list(
            arguments.page,
            self._sort_name(arguments.sort),
            bool(arguments.sort_desc),
            None,
            arguments.filters,
            page_size=size,
        )
        chosen = self._tab()
        return make_response(
            self.render(
                self.list_template,
                rows=found,
                counts={tab.value: counts.told(tab) for tab in self.tabs},
                chosen=chosen,
                count=counts.known[chosen.value],
                pages=min(-(-counts.known[chosen.value] // size), MOST_COUNTED // size),
                page=arguments.page,
                size=size,
                asked=self._asked(arguments.filters),
                searching=bool(arguments.filters),
                sort=arguments.sort,
                descending=bool(arguments.sort_desc),
                url=lambda **changes: self._get_list_url(arguments.clone(**changes)),
                actions=self.get_actions_list(),
                summary=self.summary(arguments.filters),
                exporting=self.can_export and access.may(Right.EXPORT),
            )
        )

    @page("/details/")
    def details_view(self) -> Response:
        """详情."""
        if not self.can_view_details:
            abort(404)
        row = self.one(request.args.get("id"))
        return make_response(self.render(self.details_template, **self.facts(row)))

    @page("/delete/", methods=("POST",))
    def delete_view(self) -> Response:
        """Nothing is deleted at the desk; things are ended, revoked or deactivated."""
        return abort(404)

    @page("/export/<export_type>/")
    def export(self, export_type: str) -> Response:
        """导出: what the list shows, at most 5,000 rows, written down in the log."""
        write = {"xlsx": spreadsheets.xlsx, "csv": spreadsheets.comma_separated}.get(export_type)
        if not self.can_export or write is None:
            abort(404)
        access.need(Right.EXPORT)
        arguments = self._get_list_extra_args()
        most = spreadsheets.MOST_ROWS
        if self._counts(arguments.filters).known[self._tab().value] > most:
            flash(f"超过 {most:,} 行，请先用查询条件缩小范围再导出", "error")
            return cast(Response, redirect(self._get_list_url(arguments)))
        _count, found = self.get_list(
            0,
            self._sort_name(arguments.sort),
            bool(arguments.sort_desc),
            None,
            arguments.filters,
            page_size=most,
        )
        at = local(clock.now(), access.shop().zone)
        answer = write(self.columns, found, name=f"{self.name}_{at:%Y%m%d_%H%M}")
        transactional(access.record)("export", self.name, after={"rows": len(found)})
        return answer

    # rows

    def get_query(self) -> Any:
        """What this person may see, on the chosen tab."""
        return super().get_query().filter(*self.visible(), self._tab().condition(clock.now()))

    def get_one(self, id: object) -> Any:
        """The row with this id, if this person may see it (``session.get`` would find any)."""
        text = str(id)
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            return None
        return db.session.scalars(
            select(self.model).where(self.model.id == int(text), *self.visible())
        ).one_or_none()

    def one(self, id: object) -> Any:
        """The row, or 404."""
        return self.get_one(id) or abort(404)

    def get_list(self, *args: Any, **kwargs: Any) -> tuple[None, list[object]]:
        """One page of rows, each with what its columns need."""
        _count, found = super().get_list(*args, **kwargs)
        return None, list(self.rows(found))

    def get_list_columns(self) -> list[tuple[str, str]]:
        return [(column.name, column.label) for column in self.columns]

    get_export_columns = get_details_columns = get_list_columns

    def get_sortable_columns(self) -> dict[str, Any]:
        return {column.name: column.sort for column in self.columns if column.sort is not None}

    def _apply_sorting(
        self,
        query: Any,
        joins: Any,
        sort_column: str | None,
        sort_desc: bool,
    ) -> tuple[Any, Any]:
        attribute = self._sortable_columns.get(sort_column)
        if attribute is None:
            return query.order_by(*self.order()), joins
        direction = attribute.desc() if sort_desc else attribute.asc()
        return query.order_by(direction, self.model.id.desc()), joins

    def _get_list_extra_args(self) -> Any:
        arguments = super()._get_list_extra_args()
        arguments.page = max(0, min(arguments.page or 0, MOST_COUNTED))
        return arguments

    def _get_list_filter_args(self) -> list[tuple[int, str, str]]:
        """As Flask-Admin reads them, but an empty input asks for nothing."""
        found = []
        for place, flt in enumerate(self._filters or ()):
            said = request.args.get(f"flt{place}_{place}", "")
            if not said.strip():
                continue
            if flt.validate(said):
                found.append((place, flt.name, said))
            else:
                flash(f"{flt.name}填写有误，已忽略：{said[:40]}", "error")
        return found

    def _counts(self, filters: Sequence[tuple[int, str, str]]) -> Counts:
        """All tabs of the first rows that come; where those are not all, the chosen tab anew."""
        now, chosen = clock.now(), self._tab()
        conditions = [*self.visible()]
        for place, _name, said in filters:
            flt = self._filters[place]
            conditions.append(flt.condition(flt.clean(said)))
        first = _first(self.model, conditions)
        figures = db.session.execute(
            select(
                func.count(),
                *(func.sum(case((tab.condition(now), 1), else_=0)) for tab in self.tabs),
            ).join_from(first, self.model, self.model.id == first.c.id)
        ).one()
        known = {tab.value: int(n or 0) for tab, n in zip(self.tabs, figures[1:], strict=True)}
        counts = Counts(known, is_all=figures[0] <= MOST_COUNTED)
        if not counts.is_all and chosen is not self.tabs[0]:
            its_own = _first(self.model, [*conditions, chosen.condition(now)])
            known[chosen.value] = db.session.scalar(select(func.count()).select_from(its_own)) or 0
        return counts

    def _tab(self) -> Tab:
        wanted = request.args.get("tab", "")
        return next((tab for tab in self.tabs if tab.value == wanted), self.tabs[0])

    def _sort_name(self, place: int | None) -> str | None:
        named = self._get_column_by_idx(place)
        return named[0] if named else None

    def _asked(self, filters: Sequence[tuple[int, str, str]]) -> list[tuple[str, Asked, str]]:
        said = {place: text for place, _name, text in filters}
        return [
            (f"flt{place}_{place}", flt, said.get(place, ""))
            for place, flt in enumerate(self._filters or ())
        ]

    # actions

    def is_action_allowed(self, name: str) -> bool:
        """Batch actions change things: they need the right to edit."""
        return name not in self.action_disallowed_list and self.may_edit()

    @page("/action/", methods=("POST",))
    def action_view(self) -> Response:
        """批量操作; unknown and forbidden ones are refused aloud."""
        name = request.form.get("action", "")
        if name not in self._actions_data:
            abort(404)
        if not self.is_action_allowed(name):
            abort(403)
        ids = [row for row in request.form.getlist("rowid") if row.isascii() and row.isdigit()]
        if not ids:
            flash("请先勾选要操作的行", "error")
            return cast(Response, redirect(self.get_url(".index_view")))
        self._actions_data[name][0](ids)
        return cast(Response, redirect(self.get_url(".index_view")))

    def chosen(self, ids: Sequence[str]) -> Sequence[Any]:
        """The visible rows behind the ids of a batch."""
        wanted = [int(text) for text in ids[:100] if len(text) < 19]
        return db.session.scalars(
            select(self.model).where(self.model.id.in_(wanted), *self.visible())
        ).all()


def _first(model: Any, conditions: Sequence[ColumnElement[bool]]) -> Subquery:
    """Ids of rows that meet the conditions, as they come, one more than is counted."""
    return select(model.id).where(*conditions).limit(MOST_COUNTED + 1).subquery()


NOBODY: ColumnElement[bool] = false()
