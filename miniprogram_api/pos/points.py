"""手动增减积分."""

from typing import Annotated

from pydantic import AfterValidator, Field

from backend import clock
from backend.members.queries import survivor_id
from backend.members.view import member_view
from backend.points.manual import adjust_by_hand
from miniprogram_api.contract import Answer, TillBody, route
from miniprogram_api.pos.blueprint import blueprint, this_till
from miniprogram_api.pos.bodies import RowNumber


def _not_nought(points: int) -> int:
    if points == 0:
        raise ValueError("不能为0")
    return points


class PointsBody(TillBody):
    """``points`` above zero are added, below zero taken away; a reason is required."""

    member_id: RowNumber
    points: Annotated[int, Field(ge=-(10**7), le=10**7), AfterValidator(_not_nought)]
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


class PointsTotalAnswer(Answer):
    """积分余额."""

    points_total: int


@route(blueprint, "POST", "/points", body=PointsBody, answer=PointsTotalAnswer)
def adjust_points(body: PointsBody) -> PointsTotalAnswer:
    """手动增减积分: where the merchant has switched it on"""
    adjust_by_hand(
        body.member_id,
        body.points,
        reason=body.reason.strip(),
        actor=this_till().name,
        now=clock.now(),
    )
    return PointsTotalAnswer(points_total=member_view(survivor_id(body.member_id)).points)
