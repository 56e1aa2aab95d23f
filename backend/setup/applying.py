"""One application of a set-up file: what it makes, changes, refuses, and the passwords it made."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue
from pydantic_core import to_jsonable_python
from sqlalchemy import inspect

from backend.database import Model, db
from backend.errors import DomainError
from backend.merchants import audit
from backend.setup.problems import Problem

ORIGIN = "setup apply"


@dataclass(frozen=True)
class Login:
    """A person that was just made without a password in the file; shown this once."""

    who: str
    login: str
    password: str


@dataclass
class Applying:
    """What has happened so far. ``merchant_id`` is empty in the operator's section."""

    now: datetime
    merchant_id: int | None = None
    merchant_code: str = ""
    made: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    logins: list[Login] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def refuse(self, path: str, text: str) -> None:
        """Note a refusal and go on, so that one run names all that is wrong."""
        self.problems.append(Problem(path, text))

    def warn(self, path: str, text: str) -> None:
        """Note what is applied and will not do what it seems to say."""
        self.warnings.append(Problem(path, text))

    @contextmanager
    def entry(self, path: str) -> Iterator[None]:
        """What the business refuses inside is a problem of this entry; its fields by name."""
        try:
            yield
        except DomainError as error:
            fields = error.detail.get("errors")
            for found in fields if isinstance(fields, list) else []:
                if isinstance(found, dict):
                    place = ".".join(filter(None, (path, str(found.get("field", "")))))
                    self.refuse(place, str(found.get("message", "")))
            if not fields:
                self.refuse(path, error.message)

    def store(self, row: Model, values: Mapping[str, object], *, subject: str) -> None:
        """Give a row these values: a new one is added, an old one changed where it differs.

        What changes stands in the audit log, secrets hidden; a row that is as the file says is
        not touched.
        """
        is_new = inspect(row).transient
        before = {name: getattr(row, name) for name in values}
        differs = {name: value for name, value in values.items() if is_new or before[name] != value}
        if not differs and not is_new:
            return
        for name, value in differs.items():
            setattr(row, name, value)
        db.session.add(row)
        db.session.flush()
        self.note(
            subject,
            before=None if is_new else {name: before[name] for name in differs},
            after=differs,
        )

    def note(
        self, subject: str, *, before: Mapping[str, object] | None, after: Mapping[str, object]
    ) -> None:
        """Log a change; without ``before`` something was made."""
        (self.changed if before is not None else self.made).append(
            f"{self.merchant_code} {subject}".strip()
        )
        audit.record(
            "setup.change" if before is not None else "setup.make",
            subject=subject,
            actor="command",
            merchant_id=self.merchant_id,
            before=None if before is None else _facts(before),
            after=_facts(after),
            origin=ORIGIN,
            now=self.now,
        )


def _facts(values: Mapping[str, object]) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = to_jsonable_python(dict(values))
    return facts
