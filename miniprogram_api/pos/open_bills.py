"""挂单: a table's open bill, put again with every order, and withdrawn."""

from typing import Annotated

from pydantic import Field

from backend import clock
from backend.coupons import qr
from backend.open_bills.calling_off import call_off
from backend.open_bills.content import Content
from backend.open_bills.put import put, withdraw
from backend.open_bills.table_codes import Table, bill_address, table_address
from backend.sales.bill import Goods
from miniprogram_api.contract import Answer, Money, TillBody, route
from miniprogram_api.pos.blueprint import blueprint, this_till
from miniprogram_api.pos.bodies import LineBody, Moment
from miniprogram_api.pos.numbers import refuse_number
from miniprogram_api.pos.signature import current_till

LONGEST_NUMBER = 48
"""The bill's number stands in the locks of its coupons."""


class OpenBillBody(TillBody):
    """What lies on the table now: all of it, at original prices. ``rounding_fen`` is 抹零: whoever
    pays by phone pays so much less, after all else."""

    table: Annotated[str, Field(max_length=20)] = ""
    guests: Annotated[int, Field(ge=0, le=10_000)] = 0
    cashier: Annotated[str, Field(max_length=120)] = ""
    opened_at: Moment | None = None
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=500)]
    service_fen: Money = 0
    rounding_fen: Money = 0

    def content(self) -> Content:
        return Content(
            Goods(tuple(line.line() for line in self.lines), self.service_fen),
            table=self.table,
            guests=self.guests,
            cashier=self.cashier,
            opened_at=self.opened_at,
            rounding_fen=self.rounding_fen,
        )


class CodeAnswer(Answer):
    """A code to print or show: the address in it, and its picture."""

    url: str
    svg: str

    @classmethod
    def of(cls, url: str) -> "CodeAnswer":
        return cls(url=url, svg=qr.svg(url))


class OpenBillAnswer(Answer):
    """挂单结果. ``table_code`` is the same for ever: it leads to whatever lies on the table."""

    bill: str
    state: str
    token: str
    url: str
    svg: str
    table_code: CodeAnswer | None


class WithdrawnAnswer(Answer):
    """撤单结果."""

    bill: str
    state: str


class GiveBackBody(TillBody):
    """Why the bill will not be settled."""

    reason: Annotated[str, Field(min_length=1, max_length=200)]


class GivenBackAnswer(Answer):
    """退回结果; ``amount_fen`` is on its way back to the guest. The event ``refunded`` follows."""

    bill: str
    state: str
    amount_fen: int


@route(blueprint, "PUT", "/bills/<bill>", body=OpenBillBody, answer=OpenBillAnswer)
def put_bill(bill: str, body: OpenBillBody) -> OpenBillAnswer:
    """挂单: the guests see it on their phones until it is settled; may be put again"""
    here = current_till().place
    refuse_number(bill, longest=LONGEST_NUMBER)
    done = put(body.content(), number=bill, here=here, now=clock.now())
    code = CodeAnswer.of(bill_address(done.token))
    table = done.content.table
    return OpenBillAnswer(
        bill=done.number,
        state=done.state,
        token=done.token,
        url=code.url,
        svg=code.svg,
        table_code=CodeAnswer.of(table_address(Table(here.store_id, table))) if table else None,
    )


@route(blueprint, "DELETE", "/bills/<bill>", answer=WithdrawnAnswer)
def withdraw_bill(bill: str) -> WithdrawnAnswer:
    """撤单: nobody can pay it any more"""
    here = current_till().place
    refuse_number(bill, longest=LONGEST_NUMBER)
    done = withdraw(bill, here=here, now=clock.now())
    return WithdrawnAnswer(bill=done.number, state=done.state)


@route(blueprint, "POST", "/bills/<bill>/give-back", body=GiveBackBody, answer=GivenBackAnswer)
def give_back_bill(bill: str, body: GiveBackBody) -> GivenBackAnswer:
    """退回顾客: a bill paid by phone that will not be settled; money, coupons and points go back"""
    here = current_till().place
    refuse_number(bill, longest=LONGEST_NUMBER)
    done = call_off(
        bill, store_id=here.store_id, reason=body.reason, by=this_till().name, now=clock.now()
    )
    return GivenBackAnswer(bill=done.bill, state=done.state, amount_fen=done.amount_fen)
