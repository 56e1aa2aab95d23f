"""docs/adding.md, packages.md and glossary.md name what there is, and all of it."""

import re
from pathlib import Path

from backend import models
from backend.database import Model

DOCS, ROOT = Path(__file__).parent.parent / "docs", Path(__file__).parent.parent
HOMES = ("", "backend/", "backend/coupons/", "backend/reports/")


def _tables() -> set[str]:
    models.load_all()
    return set(Model.metadata.tables)


def test_each_package_has_its_page_and_each_table_its_package() -> None:
    text = (DOCS / "packages.md").read_text()
    packages = {path.parent.name for path in ROOT.glob("backend/*/__init__.py")} | {"migrations"}
    assert packages <= set(re.findall(r"^## (\w+)$", text, re.M))
    named = [
        table
        for line in text.splitlines()
        if line.startswith("Tables: ")
        for table in re.findall(r"`(\w+)`", line)
    ]
    assert sorted(named) == sorted(_tables())


def test_the_glossary_has_a_row_for_every_table() -> None:
    rows = (DOCS / "glossary.md").read_text().split("|---|---|---|---|", 1)[1].splitlines()
    named = [table for row in rows if row for table in re.findall(r"`(\w+)`", row.split("|")[3])]
    assert sorted(named) == sorted(_tables())


def test_every_file_that_the_lists_name_is_there() -> None:
    named = re.findall(r"`([\w/]+\.(?:py|html))`", (DOCS / "adding.md").read_text())
    assert len(named) > 10
    for name in named:
        assert any((ROOT / home / name).exists() for home in HOMES), name


def test_every_file_that_progress_names_is_there() -> None:
    there = [
        f"/{path.relative_to(ROOT)}" for path in ROOT.rglob("*.py") if ".venv" not in path.parts
    ]
    for name in re.findall(r"`([\w/]+\.py)`", (DOCS / "progress.md").read_text()):
        assert any(path.endswith(f"/{name}") for path in there), name
