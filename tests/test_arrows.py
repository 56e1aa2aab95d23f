"""The arrows of docs/architecture.md, read from the imports: a package imports only from rows
below its own; outer packages never import each other; each library is seen only where it may be."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from backend import models
from backend.database import Model
from backend.tenancy import MerchantRow

ROOT = Path(__file__).parent.parent
OUTER = ("miniprogram_api", "admin", "jobs")
ROWS = (
    (
        "settings",
        "deployment",
        "dialects",
        "calendar",
        "money",
        "quantity",
        "faults",
        "requesting",
        "signing",
        "secure_headers",
        "spelling",
    ),
    ("errors",),
    ("wrong_fields", "product"),
    ("keys",),
    ("database",),
    ("clock", "heartbeat", "known", "leases", "statement_limit", "statistics"),
    ("installation",),
    ("idempotency",),
    ("tenancy", "background"),
    ("breaker",),
    ("outside",),
    ("merchants", "wechat"),
    ("members",),
    ("coupons", "ledger", "messaging", "vouchers"),
    ("campaigns", "redemption"),
    ("card_pack",),
    ("points", "wallet"),
    ("membership",),
    ("visits", "sales"),
    ("malls",),
    ("open_bills",),
    ("setup", "reports"),
    ("models", "schema"),
    ("safekeeping",),
    ("commands", "metrics"),
    ("application",),
)
HOMES = {
    "wechatpy": ("backend/wechat/",),
    "wechatpayv3": ("backend/wechat/",),
    "escpos": ("backend/sales/",),
    "barcode": ("backend/coupons/",),
    "rq": ("backend/background.py", "jobs/"),
    "rq_scheduler": ("jobs/scheduler.py",),
    "flask_admin": ("admin/",),
    "ruamel": ("backend/setup/",),
    "argon2": ("backend/merchants/",),
    "alembic": ("backend/schema.py",),
}
FLASK_BELOW = (
    "backend/application.py", "backend/database.py", "backend/commands/", "backend/background.py",
    "backend/deployment.py", "backend/keys.py", "backend/metrics.py", "backend/schema.py",
    "backend/product.py", "backend/secure_headers.py",
)  # fmt: skip


def _files(*folders: str) -> list[Path]:
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "backend":
                yield from (f"backend.{alias.name}" for alias in node.names)


def _row(package: str) -> int:
    for number, row in enumerate(ROWS):
        if package in row:
            return number
    raise AssertionError(f"backend/{package} stands in no row of docs/architecture.md")


def _package(path: Path) -> str:
    return path.relative_to(ROOT / "backend").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", _files("backend"), ids=lambda p: str(p.relative_to(ROOT)))
def test_backend_imports_point_downwards(path: Path) -> None:
    if path == ROOT / "backend/__init__.py":
        return
    own = _package(path)
    for name in _imports(path):
        assert name.split(".")[0] not in (*OUTER, "wsgi", "scripts", "tests"), f"{path}: {name}"
        if name.startswith("backend.") and (other := name.split(".")[1]) != own:
            assert _row(other) < _row(own), f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("package", OUTER)
def test_outer_packages_never_import_each_other(package: str) -> None:
    others = set(OUTER) - {package}
    for path in _files(package):
        for name in _imports(path):
            assert name.split(".")[0] not in others, f"{path.relative_to(ROOT)} imports {name}"


def test_each_library_is_seen_only_at_home() -> None:
    for path in _files("backend", *OUTER):
        place = str(path.relative_to(ROOT))
        for name in _imports(path):
            library = name.split(".")[0]
            if library in HOMES:
                assert place.startswith(HOMES[library]), f"{place} imports {name}"
            if library == "flask" and place.startswith("backend/"):
                assert place.startswith(FLASK_BELOW), f"{place} imports {name}"


def test_every_job_named_by_string_exists() -> None:
    named = set()
    for path in _files("backend", *OUTER):
        named |= set(re.findall(r'"(jobs\.[a-z_]+\.[a-z_]+)"', path.read_text()))
    assert named
    for name in named:
        module, function = name.rsplit(".", 1)
        assert callable(getattr(import_module(module), function)), name


def test_rows_of_a_merchant_are_never_fetched_by_id_alone() -> None:
    """``session.get`` steps around tenancy; it is for tables without a merchant."""
    models.load_all()
    guarded = {
        m.class_.__name__ for m in Model.registry.mappers if issubclass(m.class_, MerchantRow)
    }
    for path in _files("backend", *OUTER):
        for name in re.findall(r"session\.get(?:_one)?\(\s*(\w+)", path.read_text()):
            assert name not in guarded, f"{path.relative_to(ROOT)} gets a {name} by id"


def test_one_file_writes_grants() -> None:
    """structure 2: whoever gives goes through ``campaigns/granting``."""
    writers = {
        str(path.relative_to(ROOT))
        for path in _files("backend", *OUTER)
        if re.search(
            r"insert\((_grants|table_of\(Grant\))\)|\bGrant\(\n? *[a-z_]+=", path.read_text()
        )
    }
    assert writers == {"backend/campaigns/granting.py"}
