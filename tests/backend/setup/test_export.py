"""导出设置: what is exported can be applied again, here and elsewhere, and tells no secret."""

import json
from pathlib import Path

import pytest
from flask import Flask

from backend import clock
from backend.database import db
from backend.setup.apply import apply
from backend.setup.export import export
from backend.setup.problems import SetupRefused
from backend.setup.reading import read
from tests.backend.setup.test_apply import DEMO, SMALL, _apply, _rows
from tests.conftest import _empty_tables

OPERATOR = (
    "operator: {name: 排队网, staff: [{login: root, password: k7mq-x3vd2}], wechat:"
    " [{app_id: wxshared01, kind: official_account, secret: very-secret, token: t}]}\n"
)


PACKAGE = SMALL.replace("to: 2027-12-31}", "to: 2027-12-31, kinds: [class_marketing]}")


@pytest.mark.parametrize(
    "file", [OPERATOR + SMALL, PACKAGE, DEMO.read_text()], ids=["small", "package", "demo"]
)
def test_what_was_exported_changes_nothing_when_applied(app: Flask, file: str) -> None:
    _apply(file)
    before, exported = _rows(), export()
    again = _apply(exported)
    assert (again.made, again.changed) == ([], [])
    assert _rows() == before
    assert export() == exported


def test_no_secret_and_no_password_is_exported(app: Flask) -> None:
    _apply(OPERATOR + SMALL)
    exported = export()
    for secret in ("very-secret", "k7mq-x3vd2", "p01", "secret", "password", "argon2"):
        assert secret not in exported
    assert "k01" in exported and "wxshared01" in exported


def test_elsewhere_only_the_secrets_are_missing(app: Flask) -> None:
    _apply(OPERATOR + SMALL)
    exported = export()
    db.session.remove()
    _empty_tables()
    with pytest.raises(SetupRefused) as refused:
        apply(read(exported), now=clock.now())
    assert [problem.path for problem in refused.value.problems] == [
        "operator.wechat.0.secret",
        "merchants.0.wechat.0.secret",
        "merchants.0.stores.0.pos.secret",
    ]


def test_it_reads_as_it_was_written(app: Flask) -> None:
    _apply(SMALL)
    merchant = read(export()).merchants[0]
    wrote = read(SMALL).merchants[0]
    assert (merchant.code, merchant.name, merchant.subscription) == (
        wrote.code,
        wrote.name,
        wrote.subscription,
    )
    assert merchant.message_rules == wrote.message_rules
    assert merchant.replies == wrote.replies
    assert merchant.messages == wrote.messages


def test_the_commands_apply_refuse_and_export(app: Flask, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("\ufeff" + SMALL.replace('password: "k7mq-x3vd2", ', ""))
    bad.write_text(SMALL.replace("role: owner", "role: king"))
    run = app.test_cli_runner().invoke
    refused = run(args=["setup", "apply", str(bad)])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("merchants.0.staff.0.role: 只能是")
    applied = run(args=["setup", "apply", str(good)])
    assert applied.exit_code == 0, applied.output
    first, last = applied.stdout.splitlines()[0], applied.stdout.splitlines()[-1]
    assert json.loads(first).keys() == {"who", "login", "password"}
    assert json.loads(first)["login"] == "boss@xinghuo"
    assert last.startswith("made ")
    again = run(args=["setup", "apply", str(good)])
    assert again.stdout == "made 0, changed 0\n"
    exported = run(args=["setup", "export"])
    assert exported.exit_code == 0 and exported.stdout.startswith("merchants:")


def test_the_rule_of_refunds_is_set_and_exported_and_taken_back(app: Flask) -> None:
    """spec/05, 5: off unless the merchant says so."""
    _apply(SMALL)
    assert "reissue" not in export()
    on = SMALL.replace("subscription:", "refund: {reissue: true}\n    subscription:", 1)
    assert on != SMALL
    assert _apply(on).changed
    assert "reissue: true" in export()
    assert not _apply(export()).changed
    _apply(on.replace("reissue: true", "reissue: false"))
    assert "reissue" not in export()


def test_a_merchants_zone_is_applied_exported_and_refused_when_there_is_none(
    app: Flask, tmp_path: Path
) -> None:
    file = tmp_path / "zone.yaml"
    run = app.test_cli_runner().invoke
    file.write_text("merchants: [{code: sakura, name: 樱, zone: Asia/Tokyo}]")
    assert run(args=["setup", "apply", str(file)]).exit_code == 0
    assert "zone: Asia/Tokyo" in run(args=["setup", "export"]).output
    file.write_text("merchants: [{code: sakura, zone: Asia/Nowhere}]")
    refused = run(args=["setup", "apply", str(file)])
    assert (refused.exit_code, "没有时区Asia/Nowhere" in refused.output) == (1, True)


def test_the_most_that_is_rounded_off_is_set_and_exported(app: Flask) -> None:
    """Field case C: 99 fen unless the merchant says otherwise, 0 is none."""
    _apply(SMALL)
    assert "rounding_fen: 99" in export()
    _apply(SMALL.replace("subscription:", "rounding_fen: 0\n    subscription:", 1))
    assert "rounding_fen: 0" in export() and not _apply(export()).changed
