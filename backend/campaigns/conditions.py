"""顾客条件: who is meant, as a form or a set-up file says it. ``audience.py`` makes SQL of it.

Days are natural days of the merchant's zone. "The last n days" are today and the n days before it,
so that ``days_since_consumption <= n`` and a consumption within n days are the same people.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from backend.coupons.kinds import Term
from backend.coupons.terms import Day
from backend.members.models import CustomerClass, Gender


class Op(StrEnum):
    """How a value is compared."""

    LESS = "<"
    AT_MOST = "<="
    IS = "="
    AT_LEAST = ">="
    MORE = ">"
    BETWEEN = "between"
    IN = "in"


Comparison = Annotated[Op, Field(strict=False)]
Whole = Annotated[int, Field(ge=0, le=10**12)]
Wholes = Annotated[tuple[Whole, ...], Field(strict=False, min_length=1, max_length=100)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=120)]


class _Compared(Term):
    op: Comparison
    value: object

    @property
    def values(self) -> tuple[object, ...]:
        """What it is compared with, always as several."""
        return self.value if isinstance(self.value, tuple) else (self.value,)

    @model_validator(mode="after")
    def _values_fit_the_op(self) -> Self:
        if self.op is Op.BETWEEN:
            if not isinstance(self.value, tuple) or len(self.value) != 2:
                raise ValueError("between 需要两个值")
            if self.value[0] > self.value[1]:
                raise ValueError("between 的第一个值不能大于第二个")
        elif isinstance(self.value, tuple) is not (self.op is Op.IN):
            raise ValueError("in 需要列表，其他比较需要一个值")
        return self


class ConsumptionCondition(_Compared):
    """消费次数, 消费金额 (paid, in fen): within the last ``days``, within dates, or ever."""

    field: Literal["consumption_count", "consumption_amount"]
    value: Whole | Wholes
    days: Annotated[int, Field(ge=0, le=3650)] | None = None
    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _one_period(self) -> Self:
        if self.days is not None and (self.first or self.last):
            raise ValueError("days 与 from/to 只能选一种")
        if self.first and self.last and self.last < self.first:
            raise ValueError("结束日期早于开始日期")
        return self


class DaysCondition(_Compared):
    """最近一次消费天数, 注册天数: natural days between that day and today."""

    field: Literal["days_since_consumption", "registered_days"]
    value: Annotated[int, Field(ge=0, le=36500)] | Wholes


class RegisteredAtCondition(_Compared):
    """注册时间, by natural days; ``from``/``to`` instead of an op says between, both inclusive."""

    field: Literal["registered_at"]
    op: Comparison | None = None  # type: ignore[assignment]
    value: Day | Annotated[tuple[Day, ...], Field(strict=False, min_length=1)] | None = None
    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _values_fit_the_op(self) -> Self:
        if self.op is None:
            if self.value is not None or not (self.first or self.last):
                raise ValueError("请填写 op 与 value，或 from/to")
            if self.first and self.last and self.last < self.first:
                raise ValueError("结束日期早于开始日期")
            return self
        if self.first or self.last:
            raise ValueError("op 与 from/to 只能选一种")
        return super()._values_fit_the_op()  # type: ignore[operator, no-any-return]

    @property
    def period(self) -> tuple[date | None, date | None]:
        """``from``/``to``, either of which may be open."""
        return self.first, self.last


class BirthMonthCondition(_Compared):
    """生日月份."""

    field: Literal["birth_month"]
    value: (
        Annotated[int, Field(ge=1, le=12)]
        | Annotated[
            tuple[Annotated[int, Field(ge=1, le=12)], ...], Field(strict=False, min_length=1)
        ]
    )


class _Named(Term):
    op: Literal["=", "in"]
    value: object

    @property
    def values(self) -> tuple[str, ...]:
        """Any of these."""
        return self.value if isinstance(self.value, tuple) else (str(self.value),)

    @model_validator(mode="after")
    def _list_with_in(self) -> Self:
        if isinstance(self.value, tuple) is not (self.op == "in"):
            raise ValueError("in 需要列表，= 需要一个值")
        return self


class LevelCondition(_Named):
    """会员等级, by name."""

    field: Literal["level"]
    value: Word | Annotated[tuple[Word, ...], Field(strict=False, min_length=1)]


class TagCondition(_Named):
    """会员标签."""

    field: Literal["tag"]
    value: Word | Annotated[tuple[Word, ...], Field(strict=False, min_length=1)]


_Class = Annotated[CustomerClass, Field(strict=False)]
_Gender = Annotated[Gender, Field(strict=False)]


class ClassCondition(_Named):
    """客户分类: new, ordinary, loyal."""

    field: Literal["class"]
    value: _Class | Annotated[tuple[_Class, ...], Field(strict=False, min_length=1)]


class GenderCondition(_Named):
    """性别: male, female, empty: unknown."""

    field: Literal["gender"]
    value: _Gender | Annotated[tuple[_Gender, ...], Field(strict=False, min_length=1)]


class FlagCondition(Term):
    """是否绑定手机号, 是否关注公众号."""

    field: Literal["phone_bound", "follows"]
    op: Literal["="] = "="
    value: bool


Condition = Annotated[
    ConsumptionCondition
    | DaysCondition
    | RegisteredAtCondition
    | BirthMonthCondition
    | LevelCondition
    | TagCondition
    | ClassCondition
    | GenderCondition
    | FlagCondition,
    Field(discriminator="field"),
]


class Match(StrEnum):
    """需同时满足条件, 满足一项即可."""

    ALL = "all"
    ANY = "any"


class Conditions(Term):
    """人群条件. None named: everybody."""

    match: Annotated[Match, Field(strict=False)] = Match.ALL
    conditions: Annotated[tuple[Condition, ...], Field(strict=False, max_length=50)] = ()
