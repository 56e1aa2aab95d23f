"""``wechat_pay`` in the set-up file (S1-19)."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.merchants.models import AuditEntry
from backend.setup.export import export
from backend.setup.problems import SetupRefused
from backend.setup.reading import read
from backend.wechat import pay
from backend.wechat.models import PayAccount
from scripts.wechat_platform.pay_accounts import PayCredentials, public_pem_of
from scripts.wechat_platform.server import Platform
from tests.backend.setup.test_apply import _apply, _refused

Change = Callable[[PayCredentials], PayCredentials]


@pytest.fixture
def keys(wechat: Platform) -> PayCredentials:
    return wechat.pay_account("1900000011")


def _file(keys: PayCredentials, code: str = "xinghuo", **more: object) -> str:
    entry = {"code": code, "name": "星火火锅", "wechat_pay": asdict(keys) | more}
    return json.dumps({"merchants": [entry]})


def _account() -> PayAccount:
    with tenancy.across_merchants("a test looks"):
        return db.session.scalars(select(PayAccount)).one()


def test_a_pay_account_is_made_and_guests_can_pay(app: Flask, keys: PayCredentials) -> None:
    applied = _apply(_file(keys))
    assert "xinghuo wechat_pay 1900000011" in applied.made
    account = _account()
    assert (account.mch_id, account.serial_no) == (keys.mch_id, keys.serial_no)
    assert account.private_key == keys.private_key.strip()
    with tenancy.acting_for(account.merchant_id):
        assert pay.available(account.merchant_id)


def test_the_second_time_nothing_changes(app: Flask, keys: PayCredentials) -> None:
    _apply(_file(keys))
    again = _apply(_file(keys))
    assert (again.made, again.changed) == ([], [])


def test_an_account_can_be_switched_off_by_name_alone(app: Flask, keys: PayCredentials) -> None:
    _apply(_file(keys))
    entry = {"mch_id": keys.mch_id, "active": False}
    _apply(json.dumps({"merchants": [{"code": "xinghuo", "wechat_pay": entry}]}))
    account = _account()
    assert account.private_key == keys.private_key.strip()
    with tenancy.acting_for(account.merchant_id):
        assert not pay.available(account.merchant_id)


def test_the_export_tells_no_key_and_applies_as_it_is(app: Flask, keys: PayCredentials) -> None:
    _apply(_file(keys))
    exported = export()
    assert keys.mch_id in exported and "BEGIN PUBLIC KEY" in exported
    assert "PRIVATE" not in exported and keys.api_v3_key not in exported
    again = _apply(exported)
    assert (again.made, again.changed) == ([], [])


def test_keys_stand_hidden_in_the_log_and_sealed_in_the_table(
    app: Flask, keys: PayCredentials
) -> None:
    _apply(_file(keys))
    said = json.dumps([entry.after for entry in db.session.scalars(select(AuditEntry))])
    raw = db.session.connection().exec_driver_sql("select private_key, api_v3_key from pay_account")
    sealed = " ".join(raw.one())
    for secret in (keys.api_v3_key, keys.private_key.splitlines()[1]):
        assert secret not in said
        assert secret not in sealed
    assert _account().api_v3_key == keys.api_v3_key


@pytest.mark.parametrize(
    "name", ["serial_no", "private_key", "api_v3_key", "public_key_id", "public_key"]
)
def test_a_new_account_needs_every_key(app: Flask, keys: PayCredentials, name: str) -> None:
    entry = {key: value for key, value in asdict(keys).items() if key != name}
    file = {"merchants": [{"code": "xinghuo", "name": "星火火锅", "wechat_pay": entry}]}
    assert _refused(json.dumps(file)) == [f"merchants.0.wechat_pay.{name}: 必填"]


def test_another_number_needs_its_own_keys(app: Flask, keys: PayCredentials) -> None:
    _apply(_file(keys))
    entry = {"mch_id": "1900000012"}
    file = json.dumps({"merchants": [{"code": "xinghuo", "wechat_pay": entry}]})
    assert "merchants.0.wechat_pay.private_key: 必填" in _refused(file)
    assert _account().mch_id == keys.mch_id


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda k: replace(k, mch_id="19000x"), "mch_id"),
        (lambda k: replace(k, serial_no="not hex"), "serial_no: 商户 API 证书序列号应为十六进制数"),
        (lambda k: replace(k, api_v3_key="short"), "api_v3_key: APIv3 密钥应为32位数字和字母"),
        (
            lambda k: replace(k, public_key_id="444F4864EA9B34415"),
            "public_key_id: 微信支付公钥 ID 以 PUB_KEY_ID_ 开头",
        ),
        (lambda k: replace(k, private_key="MIIEvw"), "private_key: 应为 apiclient_key.pem 的全文"),
        (lambda k: replace(k, private_key=k.public_key), "private_key: 应为 apiclient_key.pem"),
        (
            lambda k: replace(k, private_key=k.private_key.replace("\nMII", "\nMIJ")),
            "private_key: 私钥读不出来",
        ),
        (lambda k: replace(k, public_key=k.private_key), "public_key: 应为微信支付公钥"),
        (
            lambda k: replace(k, public_key=k.public_key.replace("MIIB", "MIIC")),
            "public_key: 公钥读不出来",
        ),
        (
            lambda k: replace(k, public_key=public_pem_of(k.private_key)),
            "public_key: 这是商户自己的公钥，请填微信支付公钥（pub_key.pem）",
        ),
    ],
)
def test_a_wrong_key_is_refused_in_words(
    app: Flask, keys: PayCredentials, wrong: Change, says: str
) -> None:
    (line,) = _refused(_file(wrong(keys)))
    assert line.startswith(f"merchants.0.wechat_pay.{says}")
    for secret in (keys.private_key.splitlines()[1], keys.api_v3_key):
        assert secret not in line


def test_an_unknown_key_of_the_file_is_refused(app: Flask, keys: PayCredentials) -> None:
    with pytest.raises(SetupRefused):
        read(_file(keys, platform_key="x"))


def test_a_number_belongs_to_one_merchant(app: Flask, keys: PayCredentials) -> None:
    _apply(_file(keys))
    assert _refused(_file(keys, code="other")) == [
        "merchants.0.wechat_pay.mch_id: 商户号1900000011已由别人绑定"
    ]


@pytest.mark.parametrize("key_id", ["PUB_KEY_ID_LOCAL", "PUB_KEY_ID_01234567"])
def test_production_takes_no_key_of_the_local_platform(
    app: Flask, keys: PayCredentials, monkeypatch: pytest.MonkeyPatch, key_id: str
) -> None:
    _apply(_file(keys))
    merchant_id = _account().merchant_id
    monkeypatch.setitem(app.config, "PRODUCTION", True)
    (line,) = _refused(_file(replace(keys, public_key_id=key_id), code="xinghuo"))
    assert line == "merchants.0.wechat_pay.public_key: 这是本机模拟微信的公钥，不能用于正式环境"
    with tenancy.acting_for(merchant_id):
        assert not pay.available(merchant_id)


def test_windows_line_ends_are_taken(app: Flask, keys: PayCredentials) -> None:
    crlf = keys.private_key.replace("\n", "\r\n")
    _apply(_file(replace(keys, private_key=crlf)))
    assert _account().private_key == keys.private_key.strip()
