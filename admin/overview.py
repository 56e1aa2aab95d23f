"""经营概览: today's figures, the trend, what runs, what needs a look, what comes next."""

from datetime import datetime

from flask import Response, make_response, redirect, url_for

from admin import access, overview_queries, words
from admin.access import page
from admin.base import DeskPage
from admin.rights import Right
from backend import clock
from backend.calendar import day_of
from backend.campaigns import cadence
from backend.merchants import subscription
from backend.merchants.models import Role


class Overview(DeskPage):
    """经营概览, the desk's first page."""

    right = Right.OVERVIEW
    icon = "fa-dashboard"

    def __init__(self, **options: str) -> None:
        super().__init__(static_folder="static", **options)

    def inaccessible_callback(self, name: str, **kwargs: object) -> Response:
        """Whoever may not see the figures begins with the page of their own work."""
        here = access.at_desk()
        if here is None:
            return access.to_login()
        if first := _FIRST_PAGES.get(here.role):
            return redirect(url_for(first))  # type: ignore[return-value]
        return make_response(self.render("desk/elsewhere.html"))

    @page("/")
    def index(self) -> Response:
        """经营概览."""
        shop, now = access.shop(), clock.now()
        slot = cadence.next_slot(zone=shop.zone, now=now).planned_at
        today = day_of(now, shop.zone)
        left = subscription.days_left(shop.id, on=today)
        steps = overview_queries.first_run()
        return make_response(
            self.render(
                "desk/overview.html",
                now=now,
                figures=overview_queries.figures(zone=shop.zone, now=now),
                trend=overview_queries.trend(zone=shop.zone, now=now),
                till=overview_queries.at_the_till(zone=shop.zone, now=now),
                campaigns=overview_queries.running(),
                waves=overview_queries.waves_of_today(zone=shop.zone, now=now),
                alarms=overview_queries.alarms(days_left=left, now=now),
                steps=[] if all(step.done for step in steps) else steps,
                plan=overview_queries.unedited_plan(),
                slot=slot,
                wait=_wait(slot, now=now),
                days_left=left,
                package=_package(subscription.included(shop.id, on=today)),
                is_operator=access.desk().role is Role.OPERATOR,
            )
        )


_FIRST_PAGES = {Role.STORE_MANAGER: "bills.index_view", Role.CASHIER: "look-up.index"}


def _package(kinds: list[str] | None) -> str:
    """What 营销包年 includes (S0-16)."""
    if kinds is None:
        return "全部活动"
    return "、".join(words.CAMPAIGN_KINDS[kind] for kind in kinds if kind in words.CAMPAIGN_KINDS)


def _wait(slot: datetime, *, now: datetime) -> str:
    """``42 分钟``, ``3 小时 5 分钟``."""
    minutes = int((slot - now).total_seconds() // 60)
    hours, rest = divmod(max(minutes, 0), 60)
    return f"{hours} 小时 {rest} 分钟" if hours else f"{rest} 分钟"
