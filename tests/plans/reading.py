"""What a plan reads too much of: a scan of a growing table, or all rows of a merchant."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from backend.database import Model
from tests.plans.yardstick import BIG, FEW

_ALIAS = re.compile(r"\b(\w+) AS (\w+)\b", re.IGNORECASE)
_STEP = re.compile(r"^(SCAN|SEARCH) (\w+)(.*)$")
_EQUALS = re.compile(r"\((\w+) = ")
Parameters = Mapping[str, Any] | Sequence[Any]


def too_much(connection: Connection, statement: str, parameters: Parameters) -> list[str]:
    """A line for each step of the plan that reads what grows."""
    tables = {alias: table for table, alias in _ALIAS.findall(statement)}
    steps = _STEPS[connection.dialect.name](connection, statement, _of_the_big(parameters))
    return [step for table, step in steps if _grows(tables.get(table, table))]


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


def _sqlite(
    connection: Connection, statement: str, parameters: Parameters
) -> Iterator[tuple[str, str]]:
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(parameters)):
        step = _STEP.match(row.detail)
        if step is None:
            continue
        by = re.search(r"\(([^()]*)\)$", step[3].replace(" LEFT-JOIN", ""))
        if step[1] == "SCAN" or by is None or by[1] == "merchant_id=?":
            yield step[2], row.detail


def _postgresql(
    connection: Connection, statement: str, parameters: Parameters
) -> Iterator[tuple[str, str]]:
    told = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar()
    for node in _nodes(told):
        table = node.get("Relation Name")
        if table is None or not node.get("Node Type", "").endswith("Scan"):
            continue
        by = node.get("Index Cond") or node.get("Recheck Cond")
        if by is None or _EQUALS.findall(f"({by}") == ["merchant_id"] and "AND" not in by:
            yield table, f"{node['Node Type']} {table} by {by}"


def _mariadb(
    connection: Connection, statement: str, parameters: Parameters
) -> Iterator[tuple[str, str]]:
    told = connection.exec_driver_sql(f"EXPLAIN FORMAT=JSON {statement}", parameters).scalar()
    for node in _nodes(json.loads(str(told))):
        if "table_name" not in node:
            continue
        access, by = node.get("access_type"), node.get("used_key_parts")
        if access in ("ALL", "index") or by == ["merchant_id"]:
            yield node["table_name"], f"{access} {node['table_name']} by {by}"


def _nodes(told: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    if isinstance(told, dict):
        yield told
        for value in told.values():
            yield from _nodes(value)
    elif isinstance(told, list):
        for value in told:
            yield from _nodes(value)


_STEPS = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mariadb,
    "mariadb": _mariadb,
}
