"""Every keyed POST dies in a process of its own before and after each commit that it makes, and is
sent again: what stands in the tables is what one undisturbed request leaves. (Fault of trust 1)

The control answers in a transaction behind the effect's, as it once was, and must fail.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from backend import clock, idempotency, tenancy
from backend.campaigns import lifecycle, programmes
from backend.campaigns.draft import CampaignDraft
from backend.database import db, table_of, transaction
from backend.idempotency import RememberedAnswer
from miniprogram_api.contract import OPERATIONS
from tests.backend.redemption.coupons import a_coupon, a_verifier, number_of
from tests.builders import Shop, a_member, a_shop, a_template
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of
from tests.miniprogram_api.verifier.phones import Phone, phone_of

DIED = 9
NOT_COUNTED = {"pos_nonce", "remembered_answer"}

_numbers = count(1)


@dataclass
class Counter:
    """A shop with its till, and a member who is a verifier too."""

    http: FlaskClient
    shop: Shop
    till: TillClient
    phone: Phone
    member_id: int

    def coupon(self) -> str:
        return number_of(a_coupon(self.shop, self.member_id, a_template(self.shop)))


Asked = tuple[str, dict[str, Any]]


def points(here: Counter) -> Asked:
    return "/pos/v1/points", {"member_id": here.member_id, "points": 50, "reason": "补积分"}


def recharge(here: Counter) -> Asked:
    number = f"C{next(_numbers)}"
    body = {"recharge": number, "member_id": here.member_id, "principal_fen": 10000}
    return "/pos/v1/recharges", body


def reverse_recharge(here: Counter) -> Asked:
    number = f"C{next(_numbers)}"
    body = {"recharge": number, "member_id": here.member_id, "principal_fen": 10000}
    assert here.till.post("/recharges", body).status_code == 200
    return f"/pos/v1/recharges/{number}/reverse", {"reversal": number, "reason": "输错"}


def settle(here: Counter) -> Asked:
    bill = a_bill(member_id=here.member_id)
    return f"/pos/v1/bills/B{next(_numbers)}/settle", bill


def refund(here: Counter) -> Asked:
    path, bill = settle(here)
    assert here.till.send("POST", path, _json(bill)).status_code == 201
    return path.replace("settle", "refund"), {"refund": f"R{next(_numbers)}", "reason": "退单"}


def name_member(here: Counter) -> Asked:
    path = f"/pos/v1/bills/B{next(_numbers)}"
    assert here.till.send("POST", f"{path}/settle", _json(a_bill())).status_code == 201
    return f"{path}/member", {"member_id": here.member_id}


def quote(here: Counter) -> Asked:
    return "/pos/v1/quotes", {"member_id": here.member_id, "lines": [a_dish()]}


def lock(here: Counter) -> Asked:
    return f"/pos/v1/bills/L{next(_numbers)}/lock", {"coupons": [here.coupon()]}


def unlock(here: Counter) -> Asked:
    path, body = lock(here)
    assert here.till.send("POST", path, _json(body)).status_code == 200
    return path.replace("lock", "unlock"), body


def check(here: Counter) -> Asked:
    return "/pos/v1/coupons/check", {"scan": here.coupon()}


def redeem(here: Counter) -> Asked:
    return "/pos/v1/coupons/redeem", {"scan": here.coupon()}


def undo(here: Counter) -> Asked:
    path, body = redeem(here)
    done = here.till.send("POST", path, _json(body)).get_json()
    return f"/pos/v1/redemptions/{done['redemption']['id']}/undo", {"reason": "点错了"}


def identify(here: Counter) -> Asked:
    return "/pos/v1/members/identify", {"phone": "18100004469"}


def show_code(here: Counter) -> Asked:
    return "/pos/v1/members/code", {}


def verifier_check(here: Counter) -> Asked:
    return "/api/v1/verifier/check", {"scan": here.coupon(), "store": "s01"}


def verifier_redeem(here: Counter) -> Asked:
    return "/api/v1/verifier/redeem", {"scan": here.coupon(), "store": "s01"}


def consents(here: Counter) -> Asked:
    return "/api/v1/me/consents", {"results": {"tmpl-1": "accept"}}


KILLED: dict[str, Callable[[Counter], Asked]] = {
    "/pos/v1/points": points,
    "/pos/v1/recharges": recharge,
    "/pos/v1/recharges/<recharge>/reverse": reverse_recharge,
    "/pos/v1/bills/<bill>/settle": settle,
    "/pos/v1/bills/<bill>/refund": refund,
    "/pos/v1/bills/<bill>/member": name_member,
    "/pos/v1/quotes": quote,
    "/pos/v1/bills/<bill>/lock": lock,
    "/pos/v1/bills/<bill>/unlock": unlock,
    "/pos/v1/coupons/check": check,
    "/pos/v1/coupons/redeem": redeem,
    "/pos/v1/redemptions/<int(max=9223372036854775807):redemption_id>/undo": undo,
    "/pos/v1/members/identify": identify,
    "/pos/v1/members/code": show_code,
    "/api/v1/verifier/check": verifier_check,
    "/api/v1/verifier/redeem": verifier_redeem,
    "/api/v1/me/consents": consents,
}
"""Here, at every commit."""

ONE_TRANSACTION = {
    "/api/v1/claims/<code>", "/api/v1/exchanges/<campaign_id>", "/api/v1/bills/<token>/quote",
    "/api/v1/till-codes/<code>", "/pos/v1/cards", "/pos/v1/exchanges",
    "/pos/v1/bills/<bill>/give-back", "/api/v1/verifier/bind",
    "/api/v1/verifier/redemptions/<int(max=9223372036854775807):redemption_id>/undo",
}  # fmt: skip
"""The same road as those above: nothing of their own beside it. Claims, exchanges and give-backs
die at their crash points in ``tests/faults``."""

KEYED_BY_THEMSELVES = {
    "/api/v1/login": "dies in test_killed_logins",
    "/api/v1/phone": "dies in test_killed_logins",
    "/api/v1/bills/<token>/pay": "dies at its crash points in tests/faults",
    "/pos/v1/bills/replay": "dies at its crash points in tests/faults",
    "/mall/v1/events": "dies at its crash points in tests/faults",
}
"""``once_by``: what cannot be one transaction."""


def test_every_post_has_its_place_here(app: Flask) -> None:
    """A new one fails until somebody has thought about its death."""
    posts = {each.rule: each for each in OPERATIONS if each.method == "POST"}
    assert set(posts) == {*KILLED, *ONE_TRANSACTION, *KEYED_BY_THEMSELVES}
    assert {rule for rule, each in posts.items() if each.once_by} == set(KEYED_BY_THEMSELVES)


BY_HAND = {
    "/admin/campaigns/forecast": "writes nothing",
    "/admin/templates/preview": "writes nothing",
    "/demo/pos/sign": "writes nothing",
    "/admin/login": "a session more",
    "/admin/logout": "ends what it found",
    "/admin/merchants": "chooses for the session",
    "/admin/password": "the old password is a wrong one the next time",
    "/admin/bills/member/": "a bill has one member",
    "/admin/campaigns/end/": "moves a state once",
    "/admin/campaigns/pause/": "moves a state once",
    "/admin/campaigns/start/": "moves a state once",
    "/admin/cards/state/": "moves a state once",
    "/admin/coupons/revoke/": "moves a state once",
    "/admin/open-bills/give-back/": "moves a state once",
    "/admin/refused-bills/handle/": "moves a state once",
    "/admin/templates/archive/": "moves a state once",
    "/admin/verifiers/unbind/": "moves a state once",
    "/admin/wallet/reverse/": "a reversal is numbered by its recharge",
    "/admin/vouchers/revoke/": "moves a state once",
    "/admin/staff/active/": "says what shall be",
    "/admin/malls/send-again/": "what is sent again is single by its event number",
    "/admin/cards/replace/": "a card is replaced once",
    "/admin/levels/move/": "a place more, seen on the page",
    "/admin/levels/remove/": "what is gone stays gone",
    "/admin/levels/rules/": "says what shall be",
    "/admin/members/level/": "says what shall be",
    "/admin/members/points/": "adds anew: the page shows the ledger, the next line sets it right",
    "/admin/profile/": "says what shall be",
    "/admin/recharge/": "says what shall be",
    "/admin/staff/reset/": "a newer password",
    "/admin/verifiers/invite/": "a code more, that lasts ten minutes",
    "/h5/bills/<token>": "a payment is single by its bill and quote",
    "/h5/claims/<code>": "a link is claimed once",
    "/wechat/<app_id>/callback": "a push is single by its inbox row",
    "/wechat/pay/notify": "a notice is single by its payment",
    "/wechat/pay/notify/<mch_id>": "a notice is single by its payment",
}
"""No key: a person looks at the page that comes, or WeChat repeats; why twice is not two."""

OF_LISTS = re.compile(r"/admin/[a-z-]+/(new|edit|delete|action|ajax/update)/")
"""Flask-Admin's own: an edit says what shall be; what was made twice stands there for all to see,
gives nothing by itself, and can be taken away."""


def test_every_post_without_a_key_says_why_it_needs_none(app: Flask) -> None:
    keyed = {each.rule for each in OPERATIONS if each.method == "POST"}
    posts = {rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert {rule for rule in posts - keyed if not OF_LISTS.fullmatch(rule)} == set(BY_HAND)


@pytest.fixture
def here(app: Flask, http: FlaskClient) -> Iterator[Counter]:
    shop = a_shop()
    member_id = a_member(shop, phone="18100004469")
    a_verifier(shop, member_id)
    with tenancy.acting_for(shop.merchant_id):
        settings = programmes.parse("manual_points", {"add": True, "subtract": True})
        draft = CampaignDraft(code="by-hand", kind="manual_points", settings=settings)
        lifecycle.start(lifecycle.save(draft, now=clock.now()).id, now=clock.now())
    phone = phone_of(http, shop, member_id)
    yield Counter(http, shop, till_of(http, shop), phone, member_id)


@pytest.mark.parametrize("rule", KILLED)
def test_killed_at_every_commit_and_sent_again_it_is_done_once(here: Counter, rule: str) -> None:
    assert effects(here, KILLED[rule]) == {1}


def test_the_answer_in_a_transaction_of_its_own_counts_points_twice(
    here: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The naive control: the turn, the effect, the answer, each committed by itself."""
    monkeypatch.setattr(idempotency, "once", idempotency.in_turn)
    assert effects(here, points) == {1, 2}


def effects(here: Counter, arrange: Callable[[Counter], Asked]) -> set[int]:
    """How many times over the rows came that one request brings, wherever it died."""
    for number in range(3):  # the first ones move the member from class to class
        send(here, arrange(here), key=f"before-{number}")
    asked, before = arrange(here), rows()
    assert send(here, asked, key="undisturbed") < 300
    once = grown(before)
    times = set()
    for step in count(1):
        asked, before, key = arrange(here), rows(), f"killed-{step}"
        code = in_a_process(lambda a=asked, k=key: send(here, a, key=k), dies_at=step)
        assert code in (0, DIED)
        turns_are_old()
        assert send(here, asked, key=key) < 300
        more = grown(before)
        times.add(2 if any(more[name] > once[name] for name in once) else 1)
        assert all(more[name] >= once[name] for name in once)
        if code == 0:
            assert step > 2
            return times
    raise AssertionError("unreachable")


def send(here: Counter, asked: Asked, *, key: str) -> int:
    path, body = asked
    if path.startswith("/pos/"):
        answer = here.till.send("POST", path, _json(body), **{"Idempotency-Key": key})
    else:
        headers = {"Authorization": f"Bearer {here.phone.token}", "Idempotency-Key": key}
        answer = here.http.post(path, json=body, headers=headers)
    return answer.status_code


def in_a_process(work: Callable[[], int], *, dies_at: int) -> int:
    """Its exit code; it dies at the so manieth side of a commit: before the first, after it, …"""
    db.session.remove()
    db.engine.dispose()
    assert threading.current_thread() is threading.main_thread()
    child = os.fork()
    if not child:
        try:
            _dying(dies_at)
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _dying(dies_at: int) -> None:
    db.engine.dispose(close=False)
    dialect, sides = db.engine.dialect, count(1)
    commit = dialect.do_commit

    def do_commit(connection: Any) -> None:  # noqa: ANN401
        if next(sides) == dies_at:
            os._exit(DIED)
        commit(connection)
        if next(sides) == dies_at:
            os._exit(DIED)

    dialect.do_commit = do_commit  # type: ignore[method-assign]


def turns_are_old() -> None:
    """As if the process had died so long before that it is known dead."""
    answers = table_of(RememberedAnswer)
    with transaction():
        for row in db.session.execute(select(answers.c.id, answers.c.asked_at)).all():
            older = update(answers).where(answers.c.id == row.id)
            db.session.execute(older.values(asked_at=row.asked_at - idempotency.CRASHED_AFTER))


def rows() -> dict[str, int]:
    db.session.rollback()
    tables = [table for table in db.metadata.sorted_tables if table.name not in NOT_COUNTED]
    counts = [select(func.count()).select_from(table).scalar_subquery() for table in tables]
    with tenancy.across_merchants("a test counts"):
        found = db.session.connection().execute(select(*counts)).one()
    db.session.rollback()
    return {table.name: int(number) for table, number in zip(tables, found, strict=True)}


def grown(before: dict[str, int]) -> dict[str, int]:
    return {name: number - before[name] for name, number in rows().items()}


def _json(body: dict[str, Any]) -> bytes:
    import json

    return json.dumps(body).encode()
