"""What every section of the set-up file shares: strictness, and "not named is left alone"."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from backend.calendar import parse_date
from backend.money import LOWEST_USUAL_BP


class Section(BaseModel):
    """Part of the file. Keys that are not named are left as they are, or start at their default."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True
    )

    def named(self, *names: str) -> dict[str, object]:
        """Those of the fields that the file names, with their values."""
        return {name: getattr(self, name) for name in names if name in self.model_fields_set}


def _date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_date(value)
    except ValueError:
        raise ValueError("日期应写作 2026-01-01") from None


def too_low(rate_bp: object) -> str:
    """低于1折, in words; empty for a usual rate. What the desk confirmed is exported and read."""
    if not isinstance(rate_bp, int) or isinstance(rate_bp, bool) or rate_bp >= LOWEST_USUAL_BP:
        return ""
    return (
        f"{rate_bp}是{rate_bp / 1000:g}折，低于1折：8.5折写作8500；确实要低于1折，请在商家后台设置"
    )


Day = Annotated[date, BeforeValidator(_date)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Fen = Annotated[int, Field(ge=0, le=10**12)]
Phone = Annotated[str, StringConstraints(max_length=20)]
