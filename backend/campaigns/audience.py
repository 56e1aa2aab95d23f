"""人群: the conditions of a form as SQL on members, counted, sampled, and frozen when fixed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    and_,
    delete,
    exists,
    extract,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    true,
)

from backend import tenancy
from backend.calendar import day_of, end_of_day, start_of_day
from backend.campaigns import conditions as c
from backend.campaigns.conditions import Condition, Conditions, Match, Op
from backend.campaigns.errors import CampaignInvalid, FixedAudienceEmpty
from backend.campaigns.kinds.periodic import FixedAudience
from backend.campaigns.models import AudienceMember
from backend.database import changed, db, table_of
from backend.errors import FieldError
from backend.members import phones
from backend.members.models import Member, MemberLevel, MemberTag, Spending

_members, _spending = table_of(Member), table_of(Spending)
_levels, _tags, _audience = table_of(MemberLevel), table_of(MemberTag), table_of(AudienceMember)


@dataclass(frozen=True)
class Person:
    """One of the people found: for the form."""

    id: int
    nickname: str
    phone: str | None


@dataclass(frozen=True)
class Estimate:
    """预计可参与人数, and up to ten of these people, the newest first."""

    count: int
    sample: list[Person]


_SAMPLED, _PARTS = 10, 499


def matching(wanted: Conditions, *, zone: ZoneInfo, at: datetime) -> ColumnElement[bool]:
    """Whether a row of ``member`` meets the conditions at that instant; none of them: everybody."""
    if not wanted.conditions:
        return true()
    judged = _Judged(zone, at)
    met = [judged.condition(condition) for condition in wanted.conditions]
    return and_(*met) if wanted.match is Match.ALL else or_(*met)


def estimate(wanted: Conditions, *, zone: ZoneInfo, at: datetime) -> Estimate:
    """预计可参与人数 and a sample of them (S3-12). All members are judged once for both: counted in
    as many parts as keep the newest apart, of each part the newest is remembered."""
    part = select(func.count().label("people"), func.max(_members.c.id).label("newest"))
    parts = (
        part.where(*_reachable(), matching(wanted, zone=zone, at=at))
        .group_by(func.mod(_members.c.id, literal_column(str(_PARTS))))
        .order_by(func.max(_members.c.id).desc())
    )
    found = db.session.connection().execute(parts).all()
    newest = [row.newest for row in found[:_SAMPLED]]
    return Estimate(
        sum(row.people for row in found), _people(_members.c.id.in_(newest), most=_SAMPLED)
    )


def find_exact(text: str, *, most: int = 50) -> list[Person]:
    """精确搜索 (S3-16): a whole phone number or a whole nickname."""
    return _people(
        or_(_members.c.phone == phones.sought(text), _members.c.nickname == text), most=most
    )


def refuse_unknown(wanted: Conditions) -> None:
    """CampaignInvalid for a level that the merchant does not have."""
    named = {
        (f"audience.conditions.{position}.value", name)
        for position, condition in enumerate(wanted.conditions)
        if isinstance(condition, c.LevelCondition)
        for name in condition.values
    }
    known = set(
        db.session.connection().scalars(
            select(_levels.c.name).where(_levels.c.merchant_id == tenancy.merchant_id())
        )
    )
    errors = [
        FieldError(field=field, message=f"没有会员等级“{name}”")
        for field, name in sorted(named)
        if name not in known
    ]
    if errors:
        raise CampaignInvalid(errors=errors)


def freeze(campaign_id: int, wanted: FixedAudience, *, zone: ZoneInfo, now: datetime) -> int:
    """固定名单 (S3-18): who is found now stays the audience of every later cycle."""
    merchant_id = tenancy.merchant_id()
    changed(
        delete(_audience).where(
            _audience.c.merchant_id == merchant_id, _audience.c.campaign_id == campaign_id
        )
    )
    if wanted.is_by_name:
        found = or_(_members.c.phone.in_(wanted.phones), _members.c.id.in_(wanted.members))
    else:
        found = matching(wanted, zone=zone, at=now)
    people = select(literal(merchant_id), literal(campaign_id), _members.c.id).where(
        *_reachable(), found
    )
    frozen = changed(
        insert(_audience).from_select(["merchant_id", "campaign_id", "member_id"], people)
    )
    if not frozen:
        raise FixedAudienceEmpty()
    return frozen


def _reachable() -> tuple[ColumnElement[bool], ...]:
    """Whom a campaign can mean at all."""
    return (
        _members.c.merchant_id == tenancy.merchant_id(),
        _members.c.alias_of_id.is_(None),
        _members.c.blacklisted.is_(False),
    )


def _people(found: ColumnElement[bool], *, most: int) -> list[Person]:
    rows = db.session.connection().execute(
        select(_members.c.id, _members.c.nickname, _members.c.phone)
        .where(*_reachable(), found)
        .order_by(_members.c.id.desc())
        .limit(most)
    )
    return [Person(*row) for row in rows]


class _Judged:
    """Conditions at one instant of one zone."""

    def __init__(self, zone: ZoneInfo, at: datetime) -> None:
        self.zone, self.today = zone, day_of(at, zone)

    def condition(self, wanted: Condition) -> ColumnElement[bool]:  # noqa: C901
        match wanted:
            case c.ConsumptionCondition():
                return _compared(self.consumption(wanted), wanted.op, wanted.values)
            case c.DaysCondition(field="registered_days"):
                return self.days_ago(_members.c.registered_at, wanted)
            case c.DaysCondition():
                return self.days_ago(_members.c.last_consumed_at, wanted)
            case c.RegisteredAtCondition():
                if wanted.op is None:
                    return self.within(_members.c.registered_at, *wanted.period)
                days = [value for value in wanted.values if isinstance(value, date)]
                return self.on_day(_members.c.registered_at, wanted.op, days)
            case c.BirthMonthCondition():
                month = extract("month", _members.c.birthday)
                return _compared(month, wanted.op, wanted.values)
            case c.LevelCondition():
                levels = select(_levels.c.id).where(
                    _levels.c.merchant_id == tenancy.merchant_id(),
                    _levels.c.name.in_(wanted.values),
                )
                return _members.c.level_id.in_(levels)
            case c.TagCondition():
                return exists().where(
                    _tags.c.merchant_id == tenancy.merchant_id(),
                    _tags.c.member_id == _members.c.id,
                    _tags.c.tag.in_(wanted.values),
                )
            case c.ClassCondition():
                return _members.c.customer_class.in_(wanted.values)
            case c.GenderCondition():
                return _members.c.gender.in_(wanted.values)
            case c.FlagCondition(field="phone_bound", value=bound):
                phone = _members.c.phone
                return phone.is_not(None) if bound else phone.is_(None)
            case c.FlagCondition(value=follows):
                return _members.c.follows.is_(follows)

    def consumption(self, wanted: c.ConsumptionCondition) -> ColumnElement[int]:
        """Bills or paid fen in the period; ever: what settlement keeps on the member."""
        is_count = wanted.field == "consumption_count"
        if wanted.days is None and not wanted.first and not wanted.last:
            return _members.c.consumption_count if is_count else _members.c.consumption_fen
        first = wanted.first
        if wanted.days is not None:
            first = self.today - timedelta(days=wanted.days)
        measure = func.count() if is_count else func.coalesce(func.sum(_spending.c.paid_fen), 0)
        return (
            select(measure)
            .select_from(_spending)
            .where(
                _spending.c.merchant_id == tenancy.merchant_id(),
                _spending.c.member_id == _members.c.id,
                _spending.c.reversed_at.is_(None),
                self.within(_spending.c.spent_at, first, wanted.last),
            )
            .correlate(_members)
            .scalar_subquery()
        )

    def days_ago(
        self, column: ColumnElement[datetime], wanted: c.DaysCondition
    ) -> ColumnElement[bool]:
        """So many natural days ago: more days are an earlier date."""
        days = [
            self.today - timedelta(days=value) for value in wanted.values if isinstance(value, int)
        ]
        return self.on_day(column, _MIRRORED.get(wanted.op, wanted.op), sorted(days))

    def on_day(
        self, column: ColumnElement[datetime], op: Op, days: Sequence[date]
    ) -> ColumnElement[bool]:
        """The instant's natural day compared with days."""
        start, end = start_of_day(days[0], self.zone), end_of_day(days[0], self.zone)
        match op:
            case Op.LESS:
                return column < start
            case Op.AT_MOST:
                return column < end
            case Op.AT_LEAST:
                return column >= start
            case Op.MORE:
                return column >= end
            case Op.BETWEEN:
                return self.within(column, days[0], days[1])
            case Op.IS | Op.IN:
                return or_(*(self.within(column, day, day) for day in days))

    def within(
        self, column: ColumnElement[datetime], first: date | None, last: date | None
    ) -> ColumnElement[bool]:
        """Between two days, both inclusive, either of them open."""
        bounds: list[ColumnElement[bool]] = [column.is_not(None)]
        if first:
            bounds.append(column >= start_of_day(first, self.zone))
        if last:
            bounds.append(column < end_of_day(last, self.zone))
        return and_(*bounds)


_MIRRORED = {
    Op.LESS: Op.MORE,
    Op.AT_MOST: Op.AT_LEAST,
    Op.AT_LEAST: Op.AT_MOST,
    Op.MORE: Op.LESS,
}


def _compared(
    measured: ColumnElement[int], op: Op, values: Sequence[object]
) -> ColumnElement[bool]:
    value = values[0]
    match op:
        case Op.LESS:
            return measured < value
        case Op.AT_MOST:
            return measured <= value
        case Op.IS:
            return measured == value
        case Op.AT_LEAST:
            return measured >= value
        case Op.MORE:
            return measured > value
        case Op.BETWEEN:
            return measured.between(value, values[1])
        case Op.IN:
            return measured.in_(values)
