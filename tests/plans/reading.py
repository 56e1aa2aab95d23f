"""What a plan reads too much of: a scan of a growing table, or all rows of a merchant.

In a statement about a crowd also what is read again for each of its people: a loop within another
finds its rows by a person, a key or an id, not by what a whole merchant, campaign or week shares
("members × coupons of the merchant").
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from backend.database import Model
from tests.plans.yardstick import BIG, FEW, shared_by_many

_ALIAS = re.compile(r"\b(\w+) AS (\w+)\b", re.IGNORECASE)
_STEP = re.compile(r"^(SCAN|SEARCH) (\w+)(.*)$")
Parameters = Mapping[str, Any] | Sequence[Any]


@dataclass(frozen=True)
class Step:
    """One access of one table: by equality with these columns, and whether by a range besides;
    ``repeated`` for each row of something else."""

    table: str
    equals: tuple[str, ...]
    by_range: bool
    repeated: bool
    words: str

    def reads_too_much(self, *, of_a_crowd: bool) -> bool:
        """Nothing narrows it, or only the merchant does."""
        if not self.by_range and set(self.equals) <= {"merchant_id"}:
            return True
        return of_a_crowd and self.repeated and all(map(shared_by_many, self.equals))


def too_much(
    connection: Connection, statement: str, parameters: Parameters, *, of_a_crowd: bool = False
) -> list[str]:
    """A line for each step of the plan that reads what grows."""
    tables = {alias: table for table, alias in _ALIAS.findall(statement)}
    steps = _STEPS[connection.dialect.name](connection, statement, _of_the_big(parameters))
    return [
        step.words
        for step in steps
        if _grows(tables.get(step.table, step.table)) and step.reads_too_much(of_a_crowd=of_a_crowd)
    ]


def _grows(table: str) -> bool:
    return table in Model.metadata.tables and table not in FEW


def _of_the_big(parameters: Parameters) -> Parameters:
    """The same question asked by the merchant who has nearly everything."""
    if not isinstance(parameters, Mapping):
        return parameters
    return {
        name: BIG if re.match(r"merchant(_id)?(_\d+)?$|current", name) else value
        for name, value in parameters.items()
    }


def _sqlite(connection: Connection, statement: str, parameters: Parameters) -> Iterator[Step]:
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(parameters)).all()
    above, beneath_each, entered = {0: 0}, {0: False}, set[int]()
    for row in rows:
        above[row.id] = row.parent
        repeated = beneath_each.get(row.parent, False) or row.parent in entered
        beneath_each[row.id] = beneath_each.get(row.parent, False) or "CORRELATED" in row.detail
        step = _STEP.match(row.detail)
        if step is None:
            if row.detail.startswith("MULTI-INDEX"):
                beneath_each[row.id] = repeated
            continue
        entered.add(row.parent)
        by = re.search(r"\(([^()]*)\)$", step[3].replace(" LEFT-JOIN", ""))
        conditions = "" if step[1] == "SCAN" or by is None else by[1]
        equals = tuple(re.findall(r"(\w+)=\?", conditions))
        yield Step(step[2], equals, bool(re.search(r"[<>]", conditions)), repeated, row.detail)


def _postgresql(connection: Connection, statement: str, parameters: Parameters) -> Iterator[Step]:
    told = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar()
    yield from _nodes(told[0]["Plan"], repeated=False, by="")


def _nodes(node: dict[str, Any], *, repeated: bool, by: str) -> Iterator[Step]:
    """Steps of PostgreSQL's tree; a bitmap's condition stands beneath its heap."""
    kind, table = node["Node Type"], node.get("Relation Name")
    by = node.get("Index Cond") or node.get("Recheck Cond") or node.get("TID Cond") or by
    if table is not None and kind.endswith("Scan"):
        equals = tuple(re.findall(r"\((\w+)\)?(?:::[\w ]+)? = ", f"({by}"))
        by_range = bool(re.search(r" [<>]=? ", by))
        yield Step(table, equals, by_range, repeated, f"{kind} {table} by {by or None}")
    for child in node.get("Plans", ()):
        place = child.get("Parent Relationship")
        inner = kind == "Nested Loop" and place == "Inner"
        again = inner or (place == "SubPlan" and "hashed" not in child.get("Subplan Name", ""))
        yield from _nodes(child, repeated=repeated or again, by="")


def _mariadb(connection: Connection, statement: str, parameters: Parameters) -> Iterator[Step]:
    told = connection.exec_driver_sql(f"EXPLAIN FORMAT=JSON {statement}", parameters).scalar()
    yield from _accesses(json.loads(str(told)), repeated=False)


def _accesses(told: Any, *, repeated: bool) -> Iterator[Step]:  # noqa: ANN401
    """Steps of MariaDB's blocks: the tables of a nested loop stand in their order."""
    if isinstance(told, list):
        for place, each in enumerate(told):
            yield from _accesses(each, repeated=repeated or (place > 0 and "table" in each))
    if not isinstance(told, dict):
        return
    if "access_type" in told:  # what is written has none
        access, keys = told["access_type"], tuple(told.get("used_key_parts") or ())
        narrows = access not in ("ALL", "index")
        equals = keys if narrows and access != "range" else ()
        by_range = access in ("range", "index_merge")
        words = f"{access} {told['table_name']} by {list(keys)}"
        yield Step(told["table_name"], equals, by_range, repeated, words)
    for name, value in told.items():
        again = name == "subqueries"
        yield from _accesses(value, repeated=repeated or again)


_STEPS = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mariadb,
    "mariadb": _mariadb,
}
