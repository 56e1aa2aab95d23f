"""经营概览."""

from flask import Response, make_response

from admin.access import page
from admin.base import DeskPage
from admin.rights import Right


class Overview(DeskPage):
    """经营概览, the desk's first page."""

    right = Right.OVERVIEW
    icon = "fa-dashboard"

    def __init__(self, **options: str) -> None:
        super().__init__(static_folder="static", **options)

    @page("/")
    def index(self) -> Response:
        return make_response(self.render("desk/overview.html"))
