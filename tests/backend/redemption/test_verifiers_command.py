"""``verifiers invite`` and ``verifiers unbind`` print what a program can read. (S4-20, S4-21)"""

import json
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from backend import clock, tenancy
from backend.database import db, transaction
from backend.merchants import tills
from backend.merchants.models import PosNonce, VerifierInvite
from tests.builders import a_member, a_shop
from tests.miniprogram_api.verifier.phones import phone_of


def test_an_invitation_binds_and_unbinding_by_phone_ends_it(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    phone = phone_of(http, shop, a_member(shop, phone="18100004469"))
    run = app.test_cli_runner().invoke
    made = run(args=["verifiers", "invite", "--merchant", shop.code, "--store", "s01"])
    assert made.exit_code == 0, made.output
    invite = json.loads(made.output)
    assert invite["expires_at"] == "2026-11-23T08:10:00+08:00"
    assert phone.post("/bind", {"token": invite["token"]}).status_code == 200
    with tenancy.acting_for(shop.merchant_id):
        stored = db.session.scalars(select(VerifierInvite)).one()
        assert invite["token"] not in stored.token_hash
    unbind = ["verifiers", "unbind", "--merchant", shop.code, "--phone", "18100004469"]
    assert run(args=unbind).exit_code == 0
    assert phone.get("/redemptions").status_code == 403
    again = run(args=unbind)
    assert (again.exit_code, again.output) == (1, "Error: 该手机号不是核销员\n")


def test_what_is_unknown_is_said(app: Flask) -> None:
    shop = a_shop()
    run = app.test_cli_runner().invoke
    for args, words in [
        (["invite", "--merchant", "nobody", "--store", "s01"], "商家不存在：nobody"),
        (["invite", "--merchant", shop.code, "--store", "s99"], "门店不存在"),
        (["unbind", "--merchant", shop.code, "--phone", "18100004469"], "会员不存在"),
    ]:
        outcome = run(args=["verifiers", *args])
        assert (outcome.exit_code, outcome.output) == (1, f"Error: {words}\n")


def test_old_nonces_are_swept_and_those_that_still_guard_are_kept(app: Flask) -> None:
    now = clock.machine_now()
    with transaction():
        for nonce, age in (
            ("old", tills.NONCE_KEPT + timedelta(seconds=1)),
            ("young", timedelta()),
        ):
            db.session.execute(insert(PosNonce).values(key="k", nonce=nonce, used_at=now - age))
    assert tills.forget_nonces(now) == 1
    assert not tills.use_nonce("k", "young", now=now)
    assert tills.use_nonce("k", "old", now=now)
