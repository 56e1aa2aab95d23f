"""The judge itself: work that remembers nothing and begins anew sends twice, and is seen."""

from pathlib import Path

import pytest
import requests
from sqlalchemy import update

from backend.database import table_of
from backend.open_bills.models import ScanPayment
from scripts.wechat_platform.server import start_platform
from tests.faults.books import assert_books_agree
from tests.faults.folders import Folders, fine
from tests.faults.judge import delivered, doubles
from tests.faults.test_counter_points import STRAY
from tests.faults.warm import Warm


def test_a_sender_that_remembers_nothing_is_caught(tmp_path: Path) -> None:
    platform = start_platform(data=tmp_path)
    try:
        platform.account("wxmini", "miniprogram", "s")
        people = [platform.person(f"顾客{number}") for number in range(6)]
        for person in people:
            platform.accept(person, "wxmini", "TPL1", times=5)
        openids = [platform.openid(person, "wxmini") for person in people]
        send_all(platform.url, openids[:4])  # killed here
        assert doubles(delivered(tmp_path / "wechat-platform.sqlite")) == []
        send_all(platform.url, openids)
    finally:
        platform.stop()

    sent = delivered(tmp_path / "wechat-platform.sqlite")
    assert doubles(sent) == sorted(openids[:4])
    assert set(sent) == set(openids)


def send_all(url: str, openids: list[str]) -> None:
    """The naive variant: from the beginning, every time."""
    account = {"grant_type": "client_credential", "appid": "wxmini", "secret": "s"}
    token = requests.post(f"{url}/cgi-bin/stable_token", json=account, timeout=10).json()
    for openid in openids:
        answer = requests.post(
            f"{url}/cgi-bin/message/subscribe/send",
            params={"access_token": token["access_token"]},
            json={"touser": openid, "template_id": "TPL1", "data": {"thing1": {"value": "券"}}},
            timeout=10,
        )
        assert answer.json()["errcode"] == 0, answer.text


def test_money_that_went_back_unrecorded_is_caught(folders: Folders, warm: Warm) -> None:
    """The naive order: WeChat Pay gave back, and nobody wrote it down."""
    with folders.copy(*STRAY) as deployment:
        fine(warm.do("tick", environment=deployment.environment))
        assert_books_agree(deployment)
        with deployment.engine.begin() as connection:
            connection.execute(update(table_of(ScanPayment)).values(refunded_fen=0))
        with pytest.raises(AssertionError):
            assert_books_agree(deployment)
