"""A process loads what it serves: what each kind must not load, asked of a process of that kind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import jobs
from jobs.worker import LOADED
from scripts.environment import ROOT

RARE = {"escpos", "wechatpayv3", "openpyxl", "barcode", "qrcode", "chinese_calendar", "usb"}
PAGES = {
    "admin", "miniprogram_api", "flask_admin", "flask_babel", "babel", "wtforms", "limits",
    "tablib", "PIL",
}  # fmt: skip
MIGRATIONS = {"alembic", "flask_migrate", "mako"}
CHECKS = {"backend.reports.doctor", "backend.setup.apply", "ruamel"}
HANDS = {"backend.commands", "scripts"}
METRICS = {"prometheus_client", "backend.metrics"}
PRODUCT = {"backend", "sqlalchemy", "flask", "rq", "pydantic", "wechatpy"}

KINDS = {
    "web": ("import wsgi; wsgi.app", RARE | CHECKS | {"jobs", "rq_scheduler", "scripts.demo"}),
    "worker": (
        "from jobs import runtime, worker; runtime.app()",
        RARE
        | PAGES
        | MIGRATIONS
        | CHECKS
        | METRICS
        | {"rq_scheduler", "backend.commands", "scripts"},
    ),
    "scheduler": (
        "from jobs import runtime, scheduler; runtime.app()",
        RARE | PAGES | MIGRATIONS | CHECKS | METRICS | {"wechatpy", "backend.commands", "scripts"},
    ),
    "command": (
        "import sys; sys.argv = ['flask', '--app', 'wsgi', 'clock', '--help']\n"
        "from flask.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass",
        RARE | PAGES | MIGRATIONS | CHECKS | METRICS | {"wechatpy", "jobs", "scripts"},
    ),
    "prepare": (
        "import scripts.supervisor.prepare",
        RARE | PAGES | CHECKS | METRICS | {"wechatpy", "jobs"},
    ),
    "supervisor": (
        "import scripts.supervisor.command",
        RARE | PAGES | MIGRATIONS | CHECKS | METRICS | PRODUCT | {"jobs", "wsgi"},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_loads_what_it_serves(kind: str, tmp_path: Path) -> None:
    program, not_wanted = KINDS[kind]
    loaded = _loaded(program, tmp_path)
    assert sorted(not_wanted & loaded) == []


def test_the_counter_proof_finds_the_pages_where_they_are(tmp_path: Path) -> None:
    assert {"admin", "miniprogram_api", "alembic"} <= _loaded("import wsgi; wsgi.app", tmp_path)


def test_a_worker_has_every_job_in_hand_before_it_forks() -> None:
    folder = Path(str(jobs.__file__)).parent
    helpers = {"__init__", "runtime", "scheduler", "timetable", "worker"}
    found = {path.stem for path in folder.glob("*.py")} - helpers
    assert found == {module.__name__.rpartition(".")[2] for module in LOADED}


def _loaded(program: str, data: Path) -> set[str]:
    """The modules in a process of its own once it has run the program."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(data), "DATABASE_URL": "", "ENVIRONMENT": "development"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())
