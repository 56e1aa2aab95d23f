"""Faults on purpose, the control API, the set-up file, and a restart."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from scripts.wechat_platform.accounts import all_accounts, templates_of
from scripts.wechat_platform.scenes import scenes_of
from scripts.wechat_platform.server import Platform, start_platform
from scripts.wechat_platform.setup_file import load_setup
from tests.patience import PATIENCE_SECONDS
from tests.wechat_platform.conftest import CUSTOM_SEND, TEMPLATE_SEND, Caller, Product

SETUP = """
operator:
  name: 排队网
  wechat: [{app_id: wxshared01, kind: official_account, secret: s, token: t}]
merchants:
  - code: xinghuo
    name: 星火火锅
    wechat:
      - {app_id: wxmini0001, kind: miniprogram, secret: s1}
    stores: [{code: s01, name: 皇岗}]
    messages:
      - {purpose: coupons_waiting, channel: subscribe, app_id: wxmini0001, template_id: TPL1,
         page: pages/coupons, fields: {thing1: title, date2: valid_to}}
"""


def test_a_forced_errcode_hits_only_the_next_calls_of_its_path(
    platform: Platform, call: Caller
) -> None:
    token = call.token("wxoa")
    platform.fail("/cgi-bin/user/get", errcode=45009, times=2)
    assert call.get("/cgi-bin/user/info", access_token=token)["errcode"] == 41009
    answers = [call.get("/cgi-bin/user/get", access_token=token) for _ in range(3)]
    assert [answer.get("errcode") for answer in answers] == [45009, 45009, None]
    assert platform.calls("/cgi-bin/user/get") == 3


def test_html_statuses_and_broken_json_can_be_forced(platform: Platform, call: Caller) -> None:
    query = {"access_token": call.token("wxoa")}
    platform.fail("/cgi-bin/user/get", status=502, html=True)
    platform.fail("/cgi-bin/user/get", status=500)
    platform.fail("/cgi-bin/user/get", truncate=True)
    html, bare, cut = (call.raw("GET", "/cgi-bin/user/get", query) for _ in range(3))
    assert (html.status_code, html.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert (bare.status_code, bare.content) == (500, b"")
    with pytest.raises(ValueError):
        cut.json()


def test_an_answer_can_be_lost_after_the_message_went_out(platform: Platform, call: Caller) -> None:
    anna = platform.person("安娜")
    platform.follow(anna, "wxoa")
    letter: dict[str, object] = {
        "touser": platform.openid(anna, "wxoa"),
        "template_id": "T",
        "data": {"thing1": {"value": "券"}},
    }
    platform.fail(TEMPLATE_SEND, errcode=-1, carried_out=True)
    assert call.post(TEMPLATE_SEND, "wxoa", **letter)["errcode"] == -1
    assert len(platform.delivered()) == 1
    platform.fail(TEMPLATE_SEND, hang=20)
    query = {"access_token": call.token("wxoa")}
    with pytest.raises(requests.ReadTimeout):
        requests.post(platform.url + TEMPLATE_SEND, params=query, json=letter, timeout=0.3)
    assert len(platform.delivered()) == 2


def test_reset_forgets_people_and_faults_and_keeps_accounts(
    platform: Platform, call: Caller
) -> None:
    platform.follow(platform.person("安娜"), "wxoa")
    platform.fail("*", errcode=-1)
    platform.reset()
    assert call.get("/cgi-bin/user/get", access_token=call.token("wxoa"))["total"] == 0


def test_the_control_api_plays_a_whole_visit(platform: Platform, product: Product) -> None:
    def control(path: str, /, **body: object) -> dict[str, object]:
        answer = requests.post(f"{platform.url}/_sim/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        decoded: dict[str, object] = answer.json()
        return decoded

    control("accounts", app_id="wx9", kind="official_account", secret="s", token="t")
    person = control("people", nickname="安娜", phone="13800000001")["id"]
    visit = {"person": person, "app_id": "wx9"}
    assert control("follow", **visit, scene="s:x:s01")["pushed"] == {
        "status": 200,
        "tries": 1,
        "reply": None,
        "problem": None,
    }
    control("scan", **visit, scene="s:x:s02")
    control("say", **visit, text="领券")
    control("click", **visit, key="K")
    control("consents", person=person, app_id="wxmini", results={"T1": "accept"})
    control("unfollow", **visit)
    assert len(product.arrived) == 6
    assert control("codes", person=person, app_id="wxmini", purpose="phone")["code"]
    control("faults", path=CUSTOM_SEND, errcode=45015)
    control("push-faults", duplicates=1)
    control("tokens/expire", app_id="wx9")
    found = requests.get(f"{platform.url}/_sim/pushes", timeout=PATIENCE_SECONDS).json()["items"]
    assert [push["event"] for push in found] == [
        "subscribe",
        "SCAN",
        "text",
        "CLICK",
        "subscribe_msg_popup_event",
        "unsubscribe",
    ]
    wrong = requests.post(f"{platform.url}/_sim/follow", json={"person": "nobody"}, timeout=10)
    assert wrong.status_code == 400
    control("wipe")
    assert requests.get(f"{platform.url}/_sim/people", timeout=10).json() == {"items": []}


def test_the_set_up_file_names_accounts_templates_and_store_codes(
    platform: Platform, tmp_path: Path
) -> None:
    (tmp_path / "setup.yaml").write_text(SETUP, encoding="utf-8")
    store = platform.world.store
    for _ in range(2):
        load_setup(store, tmp_path / "setup.yaml")
    loaded = {account.app_id: account for account in all_accounts(store)}
    assert loaded["wxshared01"].token == "t"
    assert loaded["wxmini0001"].name == "星火火锅"
    assert loaded["wxmini0001"].union_group != loaded["wxshared01"].union_group
    (template,) = templates_of(store, "wxmini0001")
    assert template.fields == {"thing1": "券名称", "date2": "有效期至"}
    (code,) = scenes_of(store, loaded["wxshared01"].kind, now=0)
    assert (code.app_id, code.scene, code.title) == (
        "wxshared01",
        "s:xinghuo:s01",
        "星火火锅 · 皇岗",
    )


def test_people_credits_and_messages_survive_a_restart(tmp_path: Path) -> None:
    first = start_platform(data=tmp_path)
    first.account("wxoa", "official_account", "wxoa-secret")
    anna = first.person("安娜")
    first.follow(anna, "wxoa")
    first.accept(anna, "wxoa", "T1")
    caller = Caller(first)
    letter = {"touser": first.openid(anna, "wxoa"), "template_id": "T"}
    caller.post(TEMPLATE_SEND, "wxoa", **letter, data={"thing1": {"value": "券"}})
    first.stop()

    second = start_platform(data=tmp_path)
    assert len(second.delivered(anna)) == 1
    assert (
        Caller(second).get("/cgi-bin/user/get", access_token=Caller(second).token("wxoa"))["total"]
        == 1
    )
    credit = second.world.store.row("SELECT messages_left FROM credit")
    second.stop()
    assert credit is not None
    assert credit["messages_left"] == 1


@pytest.mark.processes
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_and_stops_cleanly(tmp_path: Path, end: signal.Signals) -> None:
    (tmp_path / "setup.yaml").write_text(SETUP, encoding="utf-8")
    command = [sys.executable, "-m", "scripts.wechat_platform", "--port", "0"]
    command += ["--data", str(tmp_path), "--setup", str(tmp_path / "setup.yaml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        accounts = requests.get(f"{address}_sim/accounts", timeout=PATIENCE_SECONDS).json()["items"]
        process.send_signal(end)
        assert process.wait(PATIENCE_SECONDS) == 0
    assert {account["app_id"] for account in accounts} == {"wxshared01", "wxmini0001"}
