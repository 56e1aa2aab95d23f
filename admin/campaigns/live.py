"""活动表单的活动部分: who would get it and when, while the form is being filled in; and why not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Response, abort, make_response, request
from pydantic import ValidationError

from admin import access, queries
from admin.access import page
from admin.campaigns import conditions
from admin.campaigns.forms.periodic import PeriodicForm, audience_settings, timetable_settings
from admin.campaigns.queries import member_by_phone
from admin.fields import row_id
from admin.rights import Right
from backend import clock, tenancy
from backend.campaigns import audience, cadence, why
from backend.campaigns.cadence import Timetable
from backend.campaigns.conditions import Conditions
from backend.campaigns.errors import CampaignInvalid
from backend.errors import DomainError
from backend.members.models import Member
from backend.wrong_fields import field_errors


class CampaignLive:
    """The fragments that the form and the pages of members and campaigns ask for."""

    render: Any
    one: Any
    get_one: Any
    _problems: Any

    @page("/forecast", methods=("POST",))
    def forecast(self) -> Response:
        """预计可参与人数 and the next five dates of the form as it stands (S3-12, S3-20)."""
        access.need(Right.EDIT_CAMPAIGNS)
        form = PeriodicForm(request.form)
        form.validate()
        try:
            found = audience_settings(form, conditions.sent(request.form), request.form)
            audience_facts = _audience(found)
        except DomainError as refusal:
            audience_facts = {"wrong": self._problems(refusal)}
        row = self.get_one(request.form.get("id", ""))
        started = row.first_started_at if row is not None else None
        return make_response(
            self.render(
                "desk/forecast.html",
                dates=_dates_of(form, started),
                started=started,
                form=form,
                **audience_facts,
            )
        )

    @page("/condition")
    def condition(self) -> Response:
        """One more row of a condition."""
        access.need(Right.EDIT_CAMPAIGNS)
        number = f"{int(clock.machine_now().timestamp() * 1000)}"
        row = conditions.blank(request.args.get("field", ""), number) or abort(404)
        return make_response(self.render("desk/condition.html", row=row, ops=conditions.OPS))

    @page("/find")
    def find(self) -> Response:
        """精确搜索 (S3-16): whole phones or nicknames, several separated by spaces."""
        access.need(Right.EDIT_CAMPAIGNS)
        said = request.args.get("exact", "").strip()
        asked = list(dict.fromkeys([said, *said.split()] if said else []))[:200]
        found = {person.id: person for text in asked for person in audience.find_exact(text[:64])}
        return make_response(
            self.render("desk/people.html", people=list(found.values()), asked=bool(asked))
        )

    @page("/why")
    def why(self) -> Response:
        """发券判断 for one phone or one member."""
        campaign = self.one(request.args.get("id"))
        phone, number = request.args.get("phone", "").strip(), request.args.get("member", "")
        member = member_by_phone(phone) if phone else None
        if number:
            member = tenancy.find(Member, row_id(number))
        answer = member and why.why(member.id, campaign.code, at=clock.now())
        return make_response(self.render("desk/why.html", answer=answer))


def _audience(wanted: Mapping[str, Any]) -> dict[str, object]:
    if "members" in wanted:
        people = list(queries.people(wanted["members"]).values())
        return {"count": len(people), "sample": people[:10], "chips": [], "fixed": True}
    try:
        asked = Conditions.model_validate(
            {"match": wanted["match"], "conditions": wanted["conditions"]}
        )
    except ValidationError as error:
        raise CampaignInvalid(errors=field_errors(error)) from None
    zone, now = access.shop().zone, clock.now()
    audience.refuse_unknown(asked)
    estimate = audience.estimate(asked, zone=zone, at=now)
    return {
        "count": estimate.count,
        "sample": estimate.sample,
        "chips": [conditions.in_words(condition) for condition in wanted["conditions"]],
        "joined": "且" if wanted["match"] == "all" else "或",
        "fixed": wanted["mode"] == "fixed",
    }


def _dates_of(form: PeriodicForm, started: datetime | None) -> list[datetime]:
    """The next five, as soon as the timetable can be read."""
    try:
        timetable = Timetable.model_validate(timetable_settings(form))
    except (ValidationError, ValueError):
        return []
    return cadence.next_dates(
        timetable, first_started_at=started, zone=access.shop().zone, now=clock.now()
    )
