"""积分明细 of the customer."""

from datetime import datetime

from backend.calendar import local
from backend.errors import FieldError, ParamError
from backend.merchants.queries import zone
from backend.points.queries import history
from miniprogram_api.contract import Answer, route
from miniprogram_api.customer.blueprint import blueprint
from miniprogram_api.customer.tokens import current_customer
from miniprogram_api.paging import QUERY, page_asked


class Movement(Answer):
    """One line; ``cause`` is for people, ``kind`` for programs."""

    points: int
    cause: str
    kind: str
    at: datetime


class MyPointsAnswer(Answer):
    total: int
    items: list[Movement]
    next_cursor: str | None


@route(blueprint, "GET", "/points", answer=MyPointsAnswer, query=QUERY)
def my_points() -> MyPointsAnswer:
    """积分, the newest movement first."""
    asked, here = page_asked(), zone()
    if asked.cursor is not None and not (asked.cursor.isascii() and asked.cursor.isdigit()):
        raise ParamError(errors=[FieldError(field="cursor", message="不是有效的游标")])
    found = history(
        current_customer().member_ids,
        limit=asked.limit,
        before=None if asked.cursor is None else int(asked.cursor[:18]),
    )
    return MyPointsAnswer(
        total=found.total,
        items=[
            Movement(points=each.points, cause=each.cause, kind=each.kind, at=local(each.at, here))
            for each in found.items
        ],
        next_cursor=found.next_cursor,
    )
