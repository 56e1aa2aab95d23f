"""What ``scripts/run.py`` does once it stands in the environment."""

import json
import os
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from scripts.environment import ROOT
from scripts.supervisor.deployment import (
    DEMO_SETUP,
    Deployment,
    data_folder,
    environment_of,
    keep,
    port_is_free,
    prepare,
    set_up,
    start_all,
    start_redis,
    wechat_port_for,
)
from scripts.supervisor.lock import DataFolderInUse, only_one
from scripts.supervisor.options import Options
from scripts.supervisor.processes import StopAsked, Supervisor, WillNotStart
from scripts.supervisor.redis import free_port
from scripts.supervisor.report import say, tail

INTERRUPTED = 130


def run(options: Options) -> int:
    """Start a deployment and stay with it, or take the tour; the exit code. What it and its
    children write (logs, the queue, uploads) is the owner's alone."""
    os.umask(0o077)
    if options.tour:
        return _take_tour(options)
    return _run(options, data_folder(options.data), options.port)


def _take_tour(options: Options) -> int:
    data = Path(tempfile.mkdtemp(prefix="quanbao-"))
    try:
        code = _run(options, data_folder(data), free_port())
        if code:
            for log in sorted((data / "logs").glob("*.log")):
                say(f"--- {log.name}\n{tail(log)}")
        return code
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _run(options: Options, data: Path, port: int) -> int:
    began = time.monotonic()
    try:
        with only_one(data / "run") as lock:
            if not port_is_free(port):
                raise WillNotStart(
                    f"端口 {port} 已被占用,请用 --port 另选 · "
                    f"Port {port} is taken; choose another with --port."
                )
            wechat_port = wechat_port_for(port) if options.wechat else None
            environment = environment_of(
                data, port=port, wechat_port=wechat_port, dotenv=not options.tour
            )
            deployment = Deployment(data, port, wechat_port, environment)
            supervisor = Supervisor(data, environment, ROOT, lock)
            supervisor.listen()
            try:
                logins = _bring_up(supervisor, deployment, options)
                _announce(deployment, logins, seconds=time.monotonic() - began)
                if options.tour:
                    return supervisor.accompany(_tour(deployment))
                while True:
                    supervisor.wait(3600)
            finally:
                say("正在停止 · Stopping …")
                supervisor.stop()
    except StopAsked:
        say("已停止 · Stopped.")
        return INTERRUPTED if options.tour else 0
    except (DataFolderInUse, WillNotStart) as refusal:
        say(str(refusal))
        return 1
    except OSError as error:
        say(f"无法读写数据目录 · The data folder cannot be used: {error}")
        return 1


def _bring_up(supervisor: Supervisor, deployment: Deployment, options: Options) -> list[str]:
    """Start everything in order; the lines that tell the logins."""
    say(f"正在启动 · Starting in {deployment.data} …")
    start_redis(supervisor, deployment.environment)
    first = None if options.setup else "demo" if options.demo else "operator"
    prepared = prepare(supervisor, deployment, first=first, told=partial(_progress, first=first))
    told = prepared.logins
    if options.setup:
        told = _apply(supervisor, deployment, options.setup, empty=prepared.was_empty)
    elif prepared.was_empty and first == "demo":
        keep(deployment, DEMO_SETUP)
    start_all(supervisor, deployment)
    return [_login(line) for line in told]


def _apply(supervisor: Supervisor, deployment: Deployment, file: Path, *, empty: bool) -> list[str]:
    """``--setup`` when the database is empty or the file is not the one applied last."""
    kept = deployment.setup.read_bytes() if deployment.setup.exists() else b""
    if not empty and kept == file.read_bytes():
        return []
    printed = set_up(supervisor, deployment, file)
    return [line for line in printed.splitlines() if line.startswith("{")]


def _progress(line: str, *, first: str | None) -> None:
    """What is told while it lasts; logins come at the end."""
    if line == "empty" and first == "demo":
        say("正在准备演示商家 · Setting up the demo merchant …")
    elif line not in ("empty", "inhabited") and not line.startswith("{"):
        say(f"  {line}")


def _login(line: str) -> str:
    login = json.loads(line)
    return f"  {login['who']}  {login['login']} / {login['password']}  {login.get('url', '')}"


def _announce(deployment: Deployment, logins: list[str], *, seconds: float) -> None:
    url = deployment.url
    lines = [
        f"券包已就绪 · Quanbao is ready ({seconds:.1f} s)",
        f"  商家后台 · desk          {url}/admin/",
        f"  接口 · API               {url}/api/v1/",
        f"  接口文档 · API docs      {url}/docs",
    ]
    if deployment.wechat_port:
        lines.append(f"  模拟手机 · phone page    {deployment.wechat_url}/")
    if deployment.environment["ENVIRONMENT"] != "production":
        lines.append(f"  演示收银台 · demo till   {url}/demo/pos/")
    lines.append(f"  数据与日志 · data, logs  {deployment.data}")
    if logins:
        lines += ["登录(密码只显示这一次) · Logins (shown only this once)", *logins]
    else:
        lines.append("忘记密码 · forgotten password: .venv/bin/flask --app wsgi staff reset")
    lines += _to_try(deployment, logins)
    lines.append("按 Ctrl-C 停止 · Ctrl-C stops everything")
    say("\n".join(lines))


def _to_try(deployment: Deployment, logins: list[str]) -> list[str]:
    """Whom to be and what to do first, where the demo has just been set up."""
    if not (deployment.wechat_port and _is_demo(deployment) and logins):
        return []
    return [
        "先试这些 · What to try first",
        "  1. 打开模拟手机,扮演王小勇,点开他的券 · on the phone page be 王小勇 and open his coupon",
        "  2. 再扮演店员小张,扫码核销这张券 · be 店员小张 and redeem it at 皇岗店",
        "  3. 扮演新顾客小林,关注公众号,看券到手 · be 新顾客小林, follow, and get a coupon",
        "  4. 以 boss@xinghuo 登录后台,看活动与核销 · log in at the desk as boss@xinghuo",
        "  5. 把业务时钟拨到下一次发券 · move the business clock to the next wave:",
        f"     DATA_DIR={deployment.data} .venv/bin/flask --app wsgi clock set 09:00",
    ]


def _is_demo(deployment: Deployment) -> bool:
    return deployment.setup.exists() and (deployment.setup.read_bytes() == DEMO_SETUP.read_bytes())


def _tour(deployment: Deployment) -> tuple[str, ...]:
    command = [sys.executable, "-m", "scripts.tour", "--base-url", deployment.url]
    if deployment.wechat_port:
        command += ["--wechat", deployment.wechat_url]
    return tuple(command)
