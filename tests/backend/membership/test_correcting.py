"""更正期初: what a list says is put in the place of what members have (R-24)."""

import json
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from backend import clock, tenancy
from backend.database import db
from backend.members.models import Member
from backend.membership.correcting import CorrectionRefused, correct, plan
from backend.membership.importing import import_members
from backend.merchants.models import AuditEntry
from backend.reports import doctor
from tests.builders import Shop, a_shop, reread
from tests.miniprogram_api.statements import counting


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


def _listed(file: Path, figures: dict[int, tuple[int, int]]) -> Path:
    lines = [f"138{n:08d},C{n},{points},{fen}" for n, (points, fen) in figures.items()]
    file.write_text("\n".join(["phone,card,points,balance_fen", *lines]) + "\n")
    return file


def _has(shop: Shop) -> dict[str | None, tuple[int, int]]:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        members = db.session.scalars(select(Member)).all()
        return {each.phone: (each.points, each.principal_fen) for each in members}


def test_correcting_tells_whom_and_how_much_and_does_it_when_agreed(
    app: Flask, shop: Shop, tmp_path: Path
) -> None:
    file = tmp_path / "m.csv"
    _brought(shop, _listed(file, {1: (100, 10000)}))
    _listed(file, {1: (80, 10000)})
    run = app.test_cli_runner().invoke
    act = ["members", "correct", str(file), "--merchant", shop.code, "--reason", "盘点"]
    refused = run(args=act, input="n\n")
    told = json.loads(refused.stdout.splitlines()[0])
    assert refused.exit_code == 1
    assert (told["who"], told["points"], told["balance_fen"]) == ("138****0001", [100, 80], None)
    assert _has(shop) == {"13800000001": (100, 10000)}
    assert run(args=[*act, "--yes"]).exit_code == 0
    assert _has(shop) == {"13800000001": (80, 10000)}
    assert [str(finding) for finding in doctor.check()] == []


def test_many_are_corrected_up_and_down_and_each_is_told_in_the_log(
    shop: Shop, tmp_path: Path
) -> None:
    file = tmp_path / "m.csv"
    _brought(shop, _listed(file, dict.fromkeys(range(1200), (100, 5000))))
    _listed(file, {n: (100 + n % 3 - 1, 5000 + n % 2) for n in range(1200)})
    with tenancy.acting_for(shop.merchant_id):
        told = plan(file, now=clock.now())
        correct(file, told, reason="盘点", actor="陈", now=clock.now())
        log = select(AuditEntry.subject).where(AuditEntry.action == "member.correct")
        subjects = list(db.session.scalars(log.order_by(AuditEntry.seq)))
    assert len(told) == 1000
    assert subjects == [f"会员 {each.member_id}" for each in told]
    assert _has(shop) == {f"138{n:08d}": (100 + n % 3 - 1, 5000 + n % 2) for n in range(1200)}
    assert [str(finding) for finding in doctor.check()] == []


def test_many_are_corrected_in_as_many_statements_as_two(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    _brought(shop, _listed(file, dict.fromkeys(range(400), (100, 5000))))

    def taken(numbers: range, by: int) -> int:
        _listed(file, {n: (100 + by * (1 - n % 2 * 2), 5000 - by) for n in numbers})
        with tenancy.acting_for(shop.merchant_id), counting(db.engine) as statements:
            told = plan(file, now=clock.now())
            correct(file, told, reason="盘点", actor="陈", now=clock.now())
        assert len(told) == len(numbers)
        return len(statements)

    taken(range(2), 1)
    assert taken(range(400), 2) == taken(range(2), 3)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["13800000001,,1,1", "13800000009,,1,1"], "第3行：没有这个会员"),
        (["13800000001,,1,1", ",C1,1,1"], "第3行：同一会员在文件中出现过"),
        (["13800000001,C2,1,1"], "第2行：手机号与卡号属于不同的会员"),
        (["13800000001,,-1,1"], "第2行：points 应为整数，不能小于0"),
    ],
)
def test_a_line_that_is_unsure_ends_the_whole(
    shop: Shop, tmp_path: Path, lines: list[str], says: str
) -> None:
    file = tmp_path / "m.csv"
    _brought(shop, _listed(file, {1: (100, 100), 2: (100, 100)}))
    file.write_text("\n".join(["phone,card,points,balance_fen", *lines]) + "\n")
    with tenancy.acting_for(shop.merchant_id), pytest.raises(CorrectionRefused, match=says):
        plan(file, now=clock.now())


def _brought(shop: Shop, file: Path) -> None:
    with tenancy.acting_for(shop.merchant_id):
        import_members(file, now=clock.now())
