"""员工: signing in, locking out, sessions on the server."""

import json
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from backend import clock
from backend.database import db
from backend.merchants import staff
from backend.merchants.models import AuditEntry, Role, Staff, StaffSession
from tests.builders import Shop, a_shop, reread

GOOD = "k7mq-x3vd2"


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


def _a_person(shop: Shop, login: str = "boss", password: str = GOOD) -> int:
    made, _ = staff.create(
        login,
        role=Role.OWNER,
        merchant_id=shop.merchant_id,
        password=password,
        actor="test",
        now=clock.now(),
    )
    return made.id


def _sign_in(login: str = "boss", password: str = GOOD) -> str:
    return staff.sign_in(login, password, origin="10.0.0.8", now=clock.now())[0]


def _refused(login: str = "boss") -> bool:
    try:
        _sign_in(login)
    except staff.SignInFailed:
        return True
    return False


def test_a_new_person_gets_a_random_password_that_signs_them_in(shop: Shop) -> None:
    made, password = staff.create(
        "boss", role=Role.OWNER, merchant_id=shop.merchant_id, actor="test", now=clock.now()
    )
    token = _sign_in("boss", password)
    signed_in = staff.session_staff(token, now=clock.now())
    assert signed_in is not None and signed_in.id == made.id
    assert password not in made.password_hash


def test_making_and_resetting_a_person_stand_in_the_log_without_the_password(shop: Shop) -> None:
    password = staff.reset(_a_person(shop), actor="test", now=clock.now())
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.action for entry in entries] == ["staff.create", "staff.reset"]
    assert password not in json.dumps([entry.after for entry in entries])


def test_a_login_is_taken_once_per_merchant(shop: Shop) -> None:
    _a_person(shop)
    _a_person(a_shop(), password="another-one-1")
    with pytest.raises(staff.LoginTaken):
        _a_person(shop)


def test_only_the_operators_people_belong_to_no_merchant(shop: Shop) -> None:
    for role, merchant_id in ((Role.OPERATOR, shop.merchant_id), (Role.OWNER, None)):
        with pytest.raises(staff.RoleOutOfPlace):
            staff.create("x", role=role, merchant_id=merchant_id, actor="test", now=clock.now())


@pytest.mark.parametrize("login", ["boss", " boss ", "boss@{code}"])
def test_one_signs_in_with_or_without_the_merchants_code(shop: Shop, login: str) -> None:
    _a_person(shop)
    assert _sign_in(login.format(code=shop.code))


@pytest.mark.parametrize("login", ["nobody", "boss@nowhere", "@", "", "boss@"])
def test_unknown_and_wrong_are_told_the_same(shop: Shop, login: str) -> None:
    _a_person(shop)
    with pytest.raises(staff.SignInFailed):
        _sign_in(login)
    with pytest.raises(staff.SignInFailed):
        _sign_in("boss", "wrong-password")


@pytest.mark.parametrize("password", [GOOD, "another-one-1"])
def test_the_same_login_at_two_merchants_needs_the_code(shop: Shop, password: str) -> None:
    other = a_shop()
    _a_person(shop)
    theirs = _a_person(other, password=password)
    with pytest.raises(staff.WhichMerchant):
        _sign_in("boss")
    found = staff.sign_in(f"boss@{other.code}", password, origin="", now=clock.now())[1]
    assert found.id == theirs


def test_the_right_password_forgets_the_wrong_ones(shop: Shop) -> None:
    _a_person(shop)
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(staff.SignInFailed):
                _sign_in("boss", "wrong-password")
        assert not _refused()


def test_somebody_who_left_signs_in_no_more_and_their_sessions_end(shop: Shop) -> None:
    person = _a_person(shop)
    token = _sign_in()
    db.session.get_one(Staff, person).active = False
    db.session.commit()
    assert staff.session_staff(token, now=clock.now()) is None
    assert _refused()


def test_only_a_hash_of_the_token_is_kept_and_each_sign_in_makes_another(shop: Shop) -> None:
    _a_person(shop)
    first, second = _sign_in(), _sign_in()
    assert first != second
    hashes = db.session.scalars(select(StaffSession.token_hash)).all()
    assert len(hashes) == 2 and not {first, second} & set(hashes)


@pytest.mark.parametrize(
    ("seen_after_minutes", "asked_after_minutes", "lives"),
    [
        ([], 29, True),
        ([], 30, False),
        ([20, 40], 69, True),
        (list(range(0, 720, 20)), 719, True),
        (list(range(0, 720, 20)), 720, False),
    ],
)
def test_a_session_ends_after_half_an_hour_of_rest_or_twelve_hours(
    shop: Shop, seen_after_minutes: list[int], asked_after_minutes: int, lives: bool
) -> None:
    _a_person(shop)
    token = _sign_in()
    start = clock.now()
    for minutes in seen_after_minutes:
        assert staff.session_staff(token, now=start + timedelta(minutes=minutes))
    asked = staff.session_staff(token, now=start + timedelta(minutes=asked_after_minutes))
    assert (asked is not None) is lives


def test_signing_out_ends_one_session_and_a_reset_ends_all(shop: Shop) -> None:
    person = _a_person(shop)
    one, two, three = _sign_in(), _sign_in(), _sign_in()
    staff.sign_out(one)
    assert staff.session_staff(one, now=clock.now()) is None
    assert staff.session_staff(two, now=clock.now()) is not None
    staff.reset(person, actor="test", now=clock.now())
    assert staff.session_staff(two, now=clock.now()) is None
    assert staff.session_staff(three, now=clock.now()) is None


def test_the_command_makes_people_and_prints_their_password_once(app: Flask, shop: Shop) -> None:
    run = app.test_cli_runner().invoke
    line = ["staff", "create", "--merchant", shop.code, "--login", "chef", "--role", "marketing"]
    made = run(args=[*line, "--store", "s01"])
    assert made.exit_code == 0, made.output
    told = json.loads(made.output)
    assert told["login"] == f"chef@{shop.code}"
    assert _sign_in(told["login"], told["password"])
    assert db.session.scalars(select(Staff)).one().stores == ["s01"]
    again = run(args=line)
    assert (again.exit_code, "账号chef已存在" in again.output) == (1, True)
    reset = run(args=["staff", "reset", "--merchant", shop.code, "--login", "chef"])
    reread()
    with pytest.raises(staff.SignInFailed):
        _sign_in(told["login"], told["password"])
    assert _sign_in(told["login"], json.loads(reset.output)["password"])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("create --login x --role owner", "指定一个"),
        ("create --login x --role owner --merchant nowhere", "没有商家nowhere"),
        ("create --login x --merchant {code}", "--role"),
        ("create --login x --role owner --merchant {code} --store s99", "没有门店s99"),
        ("reset --login x --operator", "没有账号x"),
    ],
)
def test_the_command_says_what_is_missing(app: Flask, shop: Shop, line: str, says: str) -> None:
    answer = app.test_cli_runner().invoke(args=["staff", *line.format(code=shop.code).split()])
    assert answer.exit_code != 0
    assert says in answer.output
    assert db.session.scalar(select(func.count()).select_from(Staff)) == 0


def test_the_operators_person_is_made_without_a_merchant(app: Flask) -> None:
    made = app.test_cli_runner().invoke(args=["staff", "create", "--operator", "--login", "root"])
    told = json.loads(made.output)
    _, person = staff.sign_in("root", told["password"], origin="", now=clock.now())
    assert (person.role, person.merchant_id) == (Role.OPERATOR, None)
