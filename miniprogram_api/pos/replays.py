"""离线补传: settled bills sent later, in order."""

import json
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue, ValidationError

from backend import clock
from backend.coupons.errors import CouponNotFound
from backend.errors import DomainError, FieldError, ParamError
from backend.open_bills.settling import settle
from backend.sales.bill import Bill
from backend.sales.replay import Replayed, Sent, replay
from backend.wrong_fields import field_errors
from miniprogram_api.contract import Answer, TillBody, route
from miniprogram_api.limits import note_wrong_numbers
from miniprogram_api.pos.bills import SettleAnswer, refuse_ahead
from miniprogram_api.pos.blueprint import blueprint, counting_numbers, this_till
from miniprogram_api.pos.bodies import SettleBody
from miniprogram_api.pos.numbers import refuse_number
from miniprogram_api.pos.receipts import PAPER
from miniprogram_api.pos.signature import current_till


def _finite(entries: list[JsonValue]) -> list[JsonValue]:
    json.dumps(entries, allow_nan=False)
    return entries


class ReplayBody(TillBody):
    """离线补传: each entry is 结账 with its number in ``bill``; a broken one stops no other."""

    bills: Annotated[list[JsonValue], Field(min_length=1, max_length=200), AfterValidator(_finite)]


class RefusalAnswer(Answer):
    """Why one bill was not entered, in the shape of every error."""

    code: str
    message: str
    detail: dict[str, JsonValue]


class ReplayedAnswer(Answer):
    """One bill: 201 with the answer of 结账, or what its refusal would have answered."""

    bill: str
    status: int
    answer: SettleAnswer | None
    error: RefusalAnswer | None


class ReplayAnswer(Answer):
    """离线补传结果, in the order in which they were sent."""

    items: list[ReplayedAnswer]


@route(
    blueprint,
    "POST",
    "/bills/replay",
    body=ReplayBody,
    answer=ReplayAnswer,
    query=PAPER,
    once_by="number of each bill",
    around=counting_numbers,
)
def replay_bills(body: ReplayBody) -> ReplayAnswer:
    """离线补传: bills settled offline, in order, each judged at its own time"""
    here, by, now = current_till().place, this_till(), clock.now()
    sent = [_read(entry, now=now) for entry in body.bills]
    done = replay(
        sent, settle=lambda bill: settle(bill, here=here, by=by, now=now), here=here, now=now
    )
    entered = list(done)
    note_wrong_numbers(sum(isinstance(each.outcome, CouponNotFound) for each in entered))
    return ReplayAnswer(items=[_told(each) for each in entered])


def _read(entry: JsonValue, *, now: datetime) -> Sent:
    said = entry.get("bill") if isinstance(entry, dict) else None
    number = said if isinstance(said, str) else ""
    content = entry if isinstance(entry, dict) else {"bill": entry}
    bill: Bill | DomainError
    try:
        bill = _bill(number, entry, now=now)
    except ParamError as error:
        bill = error
    return Sent(number, content, bill)


def _bill(number: str, entry: JsonValue, *, now: datetime) -> Bill:
    if not number:
        raise ParamError(errors=[FieldError(field="bill", message="必填")])
    refuse_number(number, longest=64)
    try:
        body = SettleBody.model_validate_json(json.dumps(entry))
    except ValidationError as error:
        raise ParamError(errors=field_errors(error)) from None
    refuse_ahead(body.settled_at, now=now)
    return body.bill(number)


def _told(each: Replayed) -> ReplayedAnswer:
    outcome = each.outcome
    if isinstance(outcome, DomainError):
        error = RefusalAnswer(code=outcome.code, message=outcome.message, detail=outcome.detail)
        return ReplayedAnswer(
            bill=each.number, status=outcome.http_status, answer=None, error=error
        )
    answer = SettleAnswer.of(outcome)
    return ReplayedAnswer(bill=each.number, status=201, answer=answer, error=None)
