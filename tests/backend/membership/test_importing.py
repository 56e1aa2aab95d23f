"""会员导入: which lines make a member, change one, or are refused."""

import csv
import json
from datetime import date, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from backend import clock, tenancy
from backend.campaigns.models import Grant
from backend.database import db, transaction
from backend.members.models import Member, MemberCard, MemberLevel, MemberTag
from backend.membership.importing import Imported, ImportFileUnreadable, import_members
from backend.points.models import PointsEntry
from backend.reports import doctor
from backend.wallet.models import WalletEntry
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import SHANGHAI

HEADER = "phone,nickname,card,level,points,balance_fen,gender,birthday,registered_at,tags,note"


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.add(MemberLevel(position=1, name="银卡"))
    return shop


def _import(shop: Shop, file: Path, *lines: str, header: str = HEADER) -> Imported:
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    with tenancy.acting_for(shop.merchant_id):
        counted = import_members(file, now=clock.now())
    reread()
    return counted


def _members(shop: Shop) -> list[Member]:
    with tenancy.acting_for(shop.merchant_id):
        return list(db.session.scalars(select(Member).order_by(Member.id)))


def _rejected(file: Path) -> list[dict[str, str]]:
    with Path(f"{file}.rejected.csv").open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def test_a_line_makes_a_registered_member_with_all_it_says(shop: Shop, tmp_path: Path) -> None:
    counted = _import(
        shop,
        tmp_path / "m.csv",
        "138 0000 0001,小林,C001,银卡,120,5000,female,1990-05-20,2026-03-01,熟客;爱辣；,靠窗",
    )
    assert counted == Imported(1, 0, 0)
    (member,) = _members(shop)
    assert (member.phone, member.nickname, member.note) == ("13800000001", "小林", "靠窗")
    assert (member.points, member.principal_fen, member.gender) == (120, 5000, "female")
    assert member.birthday == date(1990, 5, 20)
    assert member.registered_at == member.joined_at == datetime(2026, 3, 1, tzinfo=SHANGHAI)
    with tenancy.acting_for(shop.merchant_id):
        assert (
            db.session.scalars(
                select(MemberLevel.name).where(MemberLevel.id == member.level_id)
            ).one()
            == "银卡"
        )
        assert db.session.scalars(select(MemberCard.number)).all() == ["C001"]
        assert set(db.session.scalars(select(MemberTag.tag))) == {"熟客", "爱辣"}
        assert db.session.scalar(select(func.count()).select_from(Grant)) == 0


def test_without_a_time_they_registered_now_and_stand_on_the_first_level(
    shop: Shop, tmp_path: Path
) -> None:
    _import(shop, tmp_path / "m.csv", "C9", header="card")
    (member,) = _members(shop)
    assert (member.phone, member.registered_at) == (None, clock.now())
    with tenancy.acting_for(shop.merchant_id):
        level = db.session.scalars(select(MemberLevel).where(MemberLevel.position == 0)).one()
    assert member.level_id == level.id


def test_the_same_file_again_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    lines = ("13800000001,小林,C1,银卡,1,2,male,,,熟客,", ",小王,C2,,,,,,,,")
    assert _import(shop, tmp_path / "m.csv", *lines) == Imported(2, 0, 0)

    def seen() -> list[tuple[object, ...]]:
        with tenancy.acting_for(shop.merchant_id):
            rows = db.session.execute(select(*Member.__table__.c).order_by(Member.id)).all()
            cards, tags = (
                db.session.scalar(select(func.count()).select_from(model)) or 0
                for model in (MemberCard, MemberTag)
            )
        return [*map(tuple, rows), (cards, tags)]

    before = seen()
    assert _import(shop, tmp_path / "m.csv", *lines) == Imported(0, 2, 0)
    assert seen() == before


def test_columns_stand_in_any_order_and_what_is_empty_stays(shop: Shop, tmp_path: Path) -> None:
    known = a_member(shop, phone="13800000001", nickname="原名")
    counted = _import(shop, tmp_path / "m.csv", ",7,13800000001", header="nickname,points,phone")
    assert counted == Imported(0, 1, 0)
    (member,) = _members(shop)
    assert (member.id, member.nickname, member.points) == (known, "原名", 7)


def test_somebody_who_never_registered_is_registered_by_the_import(
    shop: Shop, tmp_path: Path
) -> None:
    _import(shop, tmp_path / "m.csv", "C1", header="card")
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.scalars(select(Member)).one().registered_at = None
    _import(shop, tmp_path / "m.csv", "C1,2026-03-01T10:00:00+08:00", header="card,registered_at")
    assert _members(shop)[0].registered_at == datetime(2026, 3, 1, 10, tzinfo=SHANGHAI)


def test_a_card_brings_its_member_a_phone_and_an_alias_leads_to_the_survivor(
    shop: Shop, tmp_path: Path
) -> None:
    _import(shop, tmp_path / "m.csv", "C1", header="card")
    assert _import(shop, tmp_path / "m.csv", "C1,13800000001", header="card,phone") == Imported(
        0, 1, 0
    )
    assert _members(shop)[0].phone == "13800000001"
    survivor = a_member(shop)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.scalars(
            select(Member).where(Member.phone.is_not(None))
        ).one().alias_of_id = survivor
    _import(shop, tmp_path / "m.csv", "C1,5", header="card,points")
    assert {member.id: member.points for member in _members(shop)}[survivor] == 5


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("phone=", "手机号和卡号至少填一个"),
        ("phone=1380000000", "手机号应为11位数字"),
        ("phone=1.38E+10", "手机号应为11位数字"),
        ("points=-1", "points 应为整数，不能小于0"),
        ("points=1.5", "points 应为整数，不能小于0"),
        ("balance_fen=１００", "balance_fen 应为整数，不能小于0"),
        ("gender=x", "gender 应为 male 或 female"),
        ("birthday=1990/5/20", "birthday 应写作 1990-05-20"),
        ("birthday=2026-11-24", "生日晚于今天"),
        ("registered_at=2026-11-23T08:00:01+08:00", "注册时间晚于现在"),
        (
            "registered_at=2026-11-01T08:00:00",
            "registered_at 应写作 2026-01-01 或 2026-01-01T10:00:00+08:00",
        ),
        ("level=钻石", "没有会员等级钻石"),
        ("phone=13800000009,card=C1", "手机号与卡号属于不同的会员"),
        ("phone=13800000008,card=C1", "卡号的会员已有别的手机号"),
        ("tags=" + "长" * 41, "tags 太长，每个标签最多40个字"),
        ("note=" + "长" * 201, "note 太长，最多200个字"),
    ],
)  # fmt: skip
def test_a_bad_line_is_refused_with_its_reason_and_the_others_go_in(
    shop: Shop, tmp_path: Path, line: str, reason: str
) -> None:
    _import(shop, tmp_path / "first.csv", "13800000001,C1", "13800000009,", header="phone,card")
    cells = {"phone": "13800000005"} | dict(cell.split("=") for cell in line.split(","))
    file = tmp_path / "m.csv"
    bad = ",".join(cells.get(name, "") for name in HEADER.split(","))
    counted = _import(shop, file, bad, "13800000007,,,,,,,,,,")
    assert counted == Imported(1, 0, 1)
    (rejected,) = _rejected(file)
    assert rejected["reason"] == reason
    assert {name: rejected[name] for name in cells} == cells
    assert {member.phone for member in _members(shop)} == {
        "13800000001",
        "13800000007",
        "13800000009",
    }


def test_a_phone_that_stands_twice_counts_once(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    counted = _import(shop, file, "13800000001,甲", "+86 138-0000-0001,乙", header="phone,nickname")
    assert counted == Imported(1, 0, 1)
    assert _members(shop)[0].nickname == "甲"
    _import(shop, file, "13800000001,甲", header="phone,nickname")
    assert not Path(f"{file}.rejected.csv").exists()


def test_another_merchants_members_are_not_met(shop: Shop, tmp_path: Path) -> None:
    other = a_shop()
    a_member(other, phone="13800000001", nickname="别家的")
    assert _import(
        shop, tmp_path / "m.csv", "13800000001,我们的", header="phone,nickname"
    ) == Imported(1, 0, 0)
    assert [member.nickname for member in _members(other)] == ["别家的"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "phone"),
        (b"nickname\n1\n", "phone"),
        (b"phone,colour\n1,2\n", "colour"),
        (b"phone,phone\n1,2\n", "重复"),
        ("phone,nickname\n13800000001,小林\n".encode("gb18030"), "UTF-8"),
    ],
)
def test_what_is_no_such_file_is_refused_whole(
    shop: Shop, tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "m.csv"
    file.write_bytes(content)
    with tenancy.acting_for(shop.merchant_id), pytest.raises(ImportFileUnreadable, match=says):
        import_members(file, now=clock.now())
    assert _members(shop) == []


def test_a_batch_reads_as_often_as_one_line(shop: Shop, tmp_path: Path) -> None:
    def reads(count: int, first: int) -> int:
        seen: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
            if statement.startswith("SELECT") or " INTO member_" in statement:
                seen.append(statement)

        numbers = range(first, first + count)
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            _import(shop, tmp_path / "m.csv", *(f"138{n:08d},,C{n},,,,,,,熟客," for n in numbers))
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        return len(seen)

    assert reads(400, 1000) == reads(1, 1) > 0


def test_the_command_prints_what_came_of_it(app: Flask, shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text("\ufeffphone\n13800000001\nx\n", encoding="utf-8")
    run = app.test_cli_runner().invoke
    done = run(args=["members", "import", str(file), "--merchant", shop.code])
    assert json.loads(done.stdout) == {"imported": 1, "updated": 0, "rejected": 1}
    assert Path(f"{file}.rejected.csv").read_bytes().startswith(b"\xef\xbb\xbfphone,reason")
    nobody = run(args=["members", "import", str(file), "--merchant", "nowhere"])
    assert (nobody.exit_code, "没有商家nowhere" in nobody.output) == (1, True)


def test_points_and_balance_are_opening_entries_which_a_second_run_does_not_repeat(
    shop: Shop, tmp_path: Path
) -> None:
    for points, balance in ((120, 5000), (120, 5000), (80, 6000)):
        _import(shop, tmp_path / "m.csv", f"13800000001,,,,{points},{balance},,,,,")
    with tenancy.acting_for(shop.merchant_id):
        changes = db.session.scalars(select(PointsEntry.change).order_by(PointsEntry.id)).all()
        assert list(changes) == [120, -40]
        saved = db.session.scalars(select(WalletEntry.principal_fen).order_by(WalletEntry.id))
        assert list(saved) == [5000, 1000]
    assert [str(finding) for finding in doctor.check()] == []
