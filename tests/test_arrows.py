"""The arrows of docs/architecture.md, read from the imports: a package imports only from rows
below its own, and takes no table by name; no files import each other in a circle; outer packages
never import each other; each library is seen only where it may be."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
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
    ("clock", "heartbeat", "known", "leases", "references", "statement_limit", "statistics"),
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
ALL_TABLES_BY_RIGHT = (
    "backend/references.py",
    "backend/reports/invariants/",  # the doctor asks its rules of every table
    "backend/safekeeping/row_ids.py",  # a restored copy's new ids start above the lost ones'
)


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


def _tables_by_name(source: str) -> Iterator[int]:
    """Lines that reach for a table without importing its model: through the metadata, or as a
    table that SQLAlchemy makes up on the spot."""
    tree = ast.parse(source)
    makers = {"sqlalchemy.table", "sqlalchemy.Table"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "sqlalchemy":
            makers |= {
                alias.asname or alias.name for alias in node.names if alias.name.lower() == "table"
            }
    for node in ast.walk(tree):
        if (isinstance(node, ast.Attribute) and node.attr == "metadata") or (
            isinstance(node, ast.Call) and ast.unparse(node.func) in makers
        ):
            yield node.lineno


@pytest.mark.parametrize("folder", ("backend", *OUTER))
def test_no_table_is_taken_by_name(folder: str) -> None:
    """It would be an arrow that no import shows."""
    for path in _files(folder):
        place = str(path.relative_to(ROOT))
        if not place.startswith(ALL_TABLES_BY_RIGHT):
            lines = list(_tables_by_name(path.read_text()))
            assert not lines, f"{place}, lines {lines}: import the model instead"


@pytest.mark.parametrize(
    "planted",
    [
        'bills = Redemption.metadata.tables["bill"]',
        "every = Model.metadata\nbills = every.tables['bill']",
        'bills = sqlalchemy.table("bill", column("id"))',
        'from sqlalchemy import Table as T\nbills = T("bill", every)',
    ],
)
def test_control_a_table_taken_by_name_is_found(planted: str) -> None:
    assert list(_tables_by_name(planted))


def test_control_tables_of_a_restaurant_are_left_alone() -> None:
    assert not list(_tables_by_name("from sqlalchemy import select\nTable(store_id, name)"))


def _imports_at_run(body: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import below this node, inside functions too; not what only the types need."""
    for node in ast.iter_child_nodes(body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")):
            yield from _imports_at_run(node)


def _graph(root: Path, paths: list[Path]) -> dict[str, set[str]]:
    """Each module with the modules it imports; a package counts where it is imported itself."""
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
    }
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        below = graph.setdefault(module, set())
        for node in _imports_at_run(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                below.update(alias.name for alias in node.names)
            elif node.module:
                inside = {f"{node.module}.{alias.name}" for alias in node.names}
                below.update(inside & modules.keys())
                if inside - modules.keys():
                    below.add(node.module)
        below.intersection_update(modules)
    return graph


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = _graph(ROOT, _files("backend", *OUTER))
    assert sum(map(len, graph.values())) > len(graph)
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    ("first", "circle"),
    [
        ("from desk import pages", True),
        ("from desk.pages import words", True),
        ("import desk.pages", True),
        ("def late():\n    from desk.pages import words", True),
        ("if TYPE_CHECKING:\n    from desk.pages import words", False),
        ("from desk import said_by_the_package", True),
        ("import json", False),
    ],
)
def test_control_a_circle_inside_a_package_is_found(
    tmp_path: Path, first: str, circle: bool
) -> None:
    desk = tmp_path / "desk"
    desk.mkdir()
    (desk / "access.py").write_text(first)
    (desk / "pages.py").write_text("from desk.access import late")
    (desk / "__init__.py").write_text("from desk import access, pages")
    graph = _graph(tmp_path, sorted(desk.iterdir()))
    if not circle:
        TopologicalSorter(graph).prepare()
        return
    with pytest.raises(CycleError, match="cycle"):
        TopologicalSorter(graph).prepare()


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
