"""会员导入: which lines make a member, change one, or are refused."""

import csv
import json
from datetime import date, datetime
from pathlib import Path

import pytest
from flask import Flask
from openpyxl import Workbook
from sqlalchemy import func, select

from backend import clock, tenancy
from backend.campaigns.models import Grant
from backend.database import db, transaction
from backend.members.models import Member, MemberCard, MemberLevel, MemberTag
from backend.members.phones import WRONG
from backend.membership.import_files import ImportFileUnreadable
from backend.membership.importing import Imported, import_members
from backend.points import ledger as points
from backend.points.models import PointsEntry
from backend.reports import doctor
from backend.wallet import ledger as wallet
from backend.wallet.models import WalletEntry
from tests.admin.desk import at_desk
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import SHANGHAI
from tests.miniprogram_api.statements import counting

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
        ("phone=,nickname=小林", "手机号和卡号至少填一个"),
        ("phone=1380000000", WRONG),
        ("phone=1.38E+10", WRONG),
        ("points=-1", "points 应为整数，不能小于0"),
        ("points=1.5", "points 应为整数，不能小于0"),
        ("balance_fen=一百", "balance_fen 应为整数，不能小于0"),
        (
            "card=4.69658E+17",
            "卡号 4.69658E+17 已丢失位数，请把这一列设为文本后重新导出",
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
        (b"phone,nickname\n13800000001,\xff\xff\n", "CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0rest", "xlsx"),
        (b"PK rest", "xlsx"),
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


def test_a_batch_takes_as_many_statements_as_two_lines(shop: Shop, tmp_path: Path) -> None:
    def taken(count: int, first: int) -> int:
        numbers = range(first, first + count)
        lines = [f"138{n:08d},小林,C{n},银卡,9,9,male,,,熟客,靠窗" for n in numbers]
        with counting(db.engine) as statements:
            _import(shop, tmp_path / "m.csv", *lines)
        return sum(_is_one_per_portion(statement) for statement in statements)

    taken(2, 1)
    assert taken(400, 1000) == taken(2, 10) > 0


def _is_one_per_portion(statement: str) -> bool:
    """SQLite gives each new member its id by a statement of its own, inside the process."""
    made = statement.startswith(("INSERT INTO member (", "INSERT INTO level_change ("))
    return not made or db.engine.dialect.name != "sqlite"


def test_the_command_prints_what_came_of_it(app: Flask, shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text("\ufeffphone\n13800000001\nx\n", encoding="utf-8")
    run = app.test_cli_runner().invoke
    done = run(args=["members", "import", str(file), "--merchant", shop.code])
    assert json.loads(done.stdout) == {
        "imported": 1,
        "updated": 0,
        "rejected": 1,
        "warnings": [],
    }
    assert Path(f"{file}.rejected.csv").read_bytes().startswith(b"\xef\xbb\xbfphone,reason")
    nobody = run(args=["members", "import", str(file), "--merchant", "nowhere"])
    assert (nobody.exit_code, "没有商家nowhere" in nobody.output) == (1, True)


def test_points_and_balance_are_opening_entries_which_a_later_list_does_not_move(
    shop: Shop, tmp_path: Path
) -> None:
    for brought, balance in ((120, 5000), (120, 5000), (80, 6000)):
        _import(shop, tmp_path / "m.csv", f"13800000001,,,,{brought},{balance},,,,,")
    with tenancy.acting_for(shop.merchant_id):
        changes = db.session.scalars(select(PointsEntry.change).order_by(PointsEntry.id)).all()
        assert list(changes) == [120]
        saved = db.session.scalars(select(WalletEntry.principal_fen).order_by(WalletEntry.id))
        assert list(saved) == [5000]
    assert [str(finding) for finding in doctor.check()] == []


def test_a_list_given_again_brings_back_nothing_that_was_spent(shop: Shop, tmp_path: Path) -> None:
    """Points 100, balance 100.00, spend 80.00 of it, the same list again (field case B, R-24)."""
    line, header = "13800000001,100,10000,银卡", "phone,points,balance_fen,level"
    _import(shop, tmp_path / "m.csv", line, header=header)
    (member,) = _members(shop)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        points.spend(member.id, 30, cause="bill-1-points", now=clock.now())
        wallet.pay(member.id, 8000, cause="bill-1-balance", now=clock.now())
        first = db.session.scalars(select(MemberLevel.id).where(MemberLevel.position == 0)).one()
        db.session.scalars(select(Member)).one().level_id = first
    assert _import(shop, tmp_path / "m.csv", line, header=header) == Imported(0, 1, 0)
    (member,) = _members(shop)
    assert (member.points, member.principal_fen, member.level_id) == (70, 2000, first)
    assert [str(finding) for finding in doctor.check()] == []


def test_an_opening_figure_of_nothing_counts_too(shop: Shop, tmp_path: Path) -> None:
    for figure in (0, 100):
        _import(
            shop,
            tmp_path / "m.csv",
            f"13800000001,{figure},{figure}",
            header="phone,points,balance_fen",
        )
    (member,) = _members(shop)
    assert (member.points, member.principal_fen) == (0, 0)
    assert [str(finding) for finding in doctor.check()] == []


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-16-le", "utf-8-sig"])
@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_a_csv_is_read_whatever_wrote_it(
    shop: Shop, tmp_path: Path, encoding: str, between: str
) -> None:
    lines = ("手机号, 昵称,积分 ,余额（元）,", "13800000001,小林,100,50.00,", " ,, ,,", ",,,,")
    file = tmp_path / "m.csv"
    file.write_bytes("\r\n".join(lines).replace(",", between).encode(encoding))
    with tenancy.acting_for(shop.merchant_id):
        assert import_members(file, now=clock.now()) == Imported(1, 0, 0)
    (member,) = _members(shop)
    assert (member.phone, member.nickname) == ("13800000001", "小林")
    assert (member.points, member.principal_fen) == (100, 5000)


def test_a_workbook_is_read_with_number_cells_and_refuses_lost_digits(
    shop: Shop, tmp_path: Path
) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["phone", "card", "birthday", "points", None])
    sheet.append([13800000001, "0012", datetime(1990, 5, 20), 100.0, None])  # noqa: DTZ001
    sheet.append(["13800000002", 469658001234567890, None, None, None])
    sheet.append([None, None, None, None, None])
    file = tmp_path / "m.xlsx"
    book.save(file)
    with tenancy.acting_for(shop.merchant_id):
        assert import_members(file, now=clock.now()) == Imported(1, 0, 1)
        assert db.session.scalars(select(MemberCard.number)).all() == ["0012"]
    (member,) = _members(shop)
    assert (member.phone, member.points) == ("13800000001", 100)
    assert member.birthday == date(1990, 5, 20)
    assert "已丢失位数" in _rejected(file)[0]["reason"]


def test_a_file_of_rejected_lines_can_be_given_back(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    _import(shop, file, "1380000000,小林", header="手机号,昵称")
    back = Path(f"{file}.rejected.csv")
    back.write_text(back.read_text().replace("1380000000,", "13800000001,"))
    with tenancy.acting_for(shop.merchant_id):
        assert import_members(back, now=clock.now()) == Imported(1, 0, 0)


@pytest.mark.parametrize(
    ("birthday", "gender", "reads", "warned"),
    [
        ("1990/5/20", "M", (date(1990, 5, 20), "male"), 0),
        ("1990年5月20日", "先生", (date(1990, 5, 20), "male"), 0),
        ("19900520", "未知", (date(1990, 5, 20), ""), 0),
        ("0000-00-00", "0", (None, ""), 2),
        ("2026-11-24", "女士", (None, "female"), 1),
    ],
)
def test_an_attribute_that_cannot_be_read_is_left_empty_and_told(
    shop: Shop, tmp_path: Path, birthday: str, gender: str, reads: object, warned: int
) -> None:
    line, header = f"13800000001,{birthday},{gender}", "phone,birthday,gender"
    counted = _import(shop, tmp_path / "m.csv", line, header=header)
    assert (counted.imported, counted.rejected, len(counted.warnings)) == (1, 0, warned)
    assert all(words.startswith("第2行 ") for words in counted.warnings)
    (member,) = _members(shop)
    assert (member.birthday, member.gender) == reads


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_the_desk_exports_can_be_imported(
    app: Flask, shop: Shop, tmp_path: Path, kind: str
) -> None:
    a_member(shop, phone="13800000001", nickname="=小林")
    a_member(shop, phone="+85291234567", nickname="小王")
    visitor = at_desk(app, shop)
    exported = visitor.open(f"/admin/members/export/{kind}/")
    assert exported.status_code == 200
    file = tmp_path / f"m.{kind}"
    file.write_bytes(exported.data)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert import_members(file, now=clock.now()) == Imported(0, 2, 0)
    assert {member.nickname for member in _members(shop)} == {"=小林", "小王"}
    other = a_shop()
    with transaction(), tenancy.acting_for(other.merchant_id):
        db.session.add(MemberLevel(position=1, name="银卡"))
    with tenancy.acting_for(other.merchant_id):
        assert import_members(file, now=clock.now()) == Imported(2, 0, 0)
    assert {m.phone for m in _members(other)} == {"13800000001", "+85291234567"}
