"""新建与编辑: one form per view; saving is a use case and its audit entry in one transaction.

What a use case refuses comes back on the form, in the form's own words.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from flask import Response, abort, flash, make_response, redirect, request
from werkzeug.datastructures import MultiDict

from admin import access
from admin.access import page
from admin.fields import DeskForm
from admin.rights import Right
from backend.database import Model, transactional
from backend.errors import DomainError


class Saves:
    """Mixin of lists: the pages 新建 and 编辑, closed unless the view opens them."""

    edit_right: Right | None = None
    form_template = ""
    field_labels: ClassVar[Mapping[str, str]] = {}
    can_create = can_edit = False
    one: Any
    render: Any
    get_url: Any

    def may_edit(self) -> bool:
        """Whether this person may change what stands here."""
        return self.edit_right is not None and access.may(self.edit_right)

    def draft(self, row: Any) -> DeskForm:
        """The form: empty, of a row, or as it was sent."""
        raise NotImplementedError

    def form_facts(self, form: Any, row: Any) -> Mapping[str, object]:
        """What the form's page shows besides."""
        return {}

    def form_page(self, row: Any) -> str:
        """The form's template."""
        return self.form_template

    def save(self, form: Any, row: Any) -> str | None:
        """Run the use case and write the audit entry, in the open transaction; where to go next."""
        raise NotImplementedError

    @page("/new/", methods=("GET", "POST"))
    def create_view(self) -> Response:
        """新建."""
        if not self.can_create:
            abort(404)
        return self._serve_form(None)

    @page("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> Response:
        """编辑."""
        if not self.can_edit:
            abort(404)
        return self._serve_form(self.one(request.args.get("id")))

    def _serve_form(self, row: Model | None) -> Response:
        if self.edit_right is None:
            abort(403)
        access.need(self.edit_right)
        form = self.draft(row)
        problems: list[str] = []
        if request.method == "POST" and form.validate():
            try:
                target = transactional(self.save)(form, row)
                flash("已保存")
                return cast(Response, redirect(target or self.get_url(".index_view")))
            except DomainError as refusal:
                problems = self._problems(refusal)
        wrong = bool(problems) or bool(form.errors)
        facts = self.form_facts(form, row)
        body = self.render(self.form_page(row), form=form, row=row, problems=problems, **facts)
        return make_response(body, 422 if wrong else 200)

    def _problems(self, refusal: DomainError) -> list[str]:
        """A refusal in the words of the form: every wrong field by its label."""
        errors = refusal.detail.get("errors")
        if not isinstance(errors, list):
            return [refusal.message]
        return [
            f"{self._label(str(error.get('field', '')))}{error.get('message', '')}"
            for error in errors
            if isinstance(error, dict)
        ] or [refusal.message]

    def _label(self, path: str) -> str:
        for name, label in self.field_labels.items():
            if path == name or path.startswith(f"{name}."):
                return f"{label}："
        return ""


def sent() -> MultiDict[str, str] | None:
    """What the form was sent with; None before it was sent, so that defaults hold."""
    return request.form if request.method == "POST" else None
