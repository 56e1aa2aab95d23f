"""实体卡: whose they are and in which state; bind, freeze, unfreeze, destroy, replace (S2-48)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from flask import Response, flash, redirect, request
from sqlalchemy import ColumnElement, select
from wtforms import StringField
from wtforms.validators import Length, Regexp

from admin import access, member_filters, queries, words
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.columns import Column, phones, status
from admin.fields import DeskForm, Needed
from admin.filters import Asked
from admin.rights import Right
from admin.saving import sent
from backend import clock, spelling
from backend.database import db
from backend.errors import DomainError, FieldError, ParamError
from backend.members import cards
from backend.members import phones as phone_numbers
from backend.members.errors import CardDestroyed, CardFrozen, CardNotFound, MemberNotFound
from backend.members.models import CardState, Member, MemberCard
from backend.merchants.audit import mask_phones
from backend.merchants.models import AuditEntry

_SPELT = Regexp(r"^[A-Za-z0-9_.-]{1,64}$", message="只能用字母、数字、点和横线，最多 64 位")


@dataclass(frozen=True)
class CardRow:
    """实体卡 as the list shows it."""

    id: int
    number: str
    state: str
    member_id: int
    nickname: str
    phone: str | None


class BindForm(DeskForm):
    """绑卡: a number to a member, who is found by phone or by their number here."""

    number = StringField(
        "卡号", [Needed(), _SPELT], filters=[lambda said: said and cards.canonical(said)]
    )
    member = StringField("会员", [Needed(), Length(max=20, message="最多 20 字")])


def _tab(state: CardState) -> Tab:
    return Tab(state.value, words.CARD_STATES[state].label, lambda _now: MemberCard.state == state)


class Cards(SecureModelView):
    """实体卡."""

    right = Right.CARDS
    edit_right = Right.EDIT_CARDS
    icon = "fa-credit-card"
    noun = "实体卡"
    empty_help = "在这里、收银台或会员导入时绑定的实体卡会出现在这里"
    can_create = can_view_details = can_export = True
    row_template = "desk/card_row.html"
    details_template = "desk/card.html"
    form_template = "desk/card_form.html"
    tabs = (Tab("", "全部"), *map(_tab, CardState))
    columns = (
        Column("number", "卡号", css="nowrap", sort=MemberCard.number),
        status("state", "状态", words.CARD_STATES),
        Column("nickname", "会员"),
        phones(),
    )
    column_filters = (
        Asked(
            "卡号",
            lambda said: MemberCard.number == cards.canonical(said),
            placeholder="请输入完整卡号",
        ),
        member_filters.by_phone(MemberCard),
        member_filters.by_number(MemberCard),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        return member_filters.at_stores(MemberCard, access.desk().stores)

    def none_found(self) -> str:
        if request.args.get("flt0_0", "").strip():
            return CardNotFound.message
        return super().none_found()

    def rows(self, found: Sequence[MemberCard]) -> list[CardRow]:
        people = queries.people({card.member_id for card in found})
        return [
            CardRow(
                id=card.id,
                number=card.number,
                state=card.state,
                member_id=people[card.member_id].id,
                nickname=people[card.member_id].nickname,
                phone=people[card.member_id].phone,
            )
            for card in found
        ]

    def facts(self, row: MemberCard) -> Mapping[str, object]:
        warnings = {
            CardState.FROZEN.value: CardFrozen.message,
            CardState.DESTROYED.value: CardDestroyed.message,
        }
        return {
            "row": row,
            "person": queries.people([row.member_id])[row.member_id],
            "warning": warnings.get(row.state, ""),
            "history": _history(row.number),
        }

    def draft(self, row: object) -> BindForm:
        wanted = request.args.get("member", "")
        return BindForm(sent(), data={"member": wanted if wanted.isdigit() else ""})

    def save(self, form: BindForm, row: object) -> str:
        card = cards.bind(
            form.number.data,
            member_id=self._person(form.member.data.strip()),
            actor=access.desk().actor,
            now=clock.now(),
        )
        return self._address(card.number)

    @page("/state/", methods=("POST",))
    def state(self) -> Response:
        """冻结, 解冻 or 销毁."""
        access.need(Right.EDIT_CARDS)
        card = self.one(request.form.get("id"))
        steps = {"freeze": cards.freeze, "unfreeze": cards.unfreeze, "destroy": cards.destroy}
        step = steps.get(request.form.get("to", ""))
        if step is None:
            _refuse("没有这个操作")
        try:
            done = step(card.number, actor=access.desk().actor, now=clock.now())
            flash(f"实体卡 {done.number} {words.CARD_STATES[done.state].label}")
        except DomainError as refusal:
            flash(refusal.message, "error")
        return redirect(self.get_url(".details_view", id=card.id))  # type: ignore[return-value]

    @page("/replace/", methods=("POST",))
    def replace(self) -> Response:
        """换卡: the old one is destroyed."""
        access.need(Right.EDIT_CARDS)
        card = self.one(request.form.get("id"))
        number = cards.canonical(request.form.get("number", ""))
        if not _SPELT.regex.match(number) or number == card.number:
            flash("请填写新卡号：只能用字母、数字、点和横线", "error")
            return redirect(self.get_url(".details_view", id=card.id))  # type: ignore[return-value]
        try:
            new = cards.replace(
                card.number, new_number=number, actor=access.desk().actor, now=clock.now()
            )
        except DomainError as refusal:
            flash(refusal.message, "error")
            return redirect(self.get_url(".details_view", id=card.id))  # type: ignore[return-value]
        flash(f"已换成新卡 {new.number}，旧卡已销毁")
        return redirect(self._address(new.number))  # type: ignore[return-value]

    def _address(self, number: str) -> str:
        found = db.session.scalars(select(MemberCard.id).where(MemberCard.number == number)).one()
        return str(self.get_url(".details_view", id=found))

    def _person(self, said: str) -> int:
        """A member whom this person may see, by phone or number here; MemberNotFound."""
        stores = access.desk().stores
        limits = () if stores is None else (queries.at_stores(stores),)
        said = spelling.compact(said)
        whose: Any = Member.phone == phone_numbers.sought(said)
        if said.isascii() and said.isdigit() and len(said) < 11:
            whose = Member.id == int(said)
        found = db.session.scalars(
            select(Member.id).where(whose, Member.alias_of_id.is_(None), *limits)
        ).one_or_none()
        if found is None:
            raise MemberNotFound()
        return found


def cards_of(member_ids: Sequence[int]) -> Sequence[MemberCard]:
    """实体卡 of a person, the newest first."""
    return db.session.scalars(
        select(MemberCard)
        .where(MemberCard.member_id.in_(member_ids))
        .order_by(MemberCard.id.desc())
    ).all()


def _history(number: str) -> Sequence[AuditEntry]:
    """What was done with a card, as the log tells, the newest first."""
    return db.session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.merchant_id == access.shop().id,
            AuditEntry.subject == mask_phones(f"实体卡 {number}")[:80],
            AuditEntry.action.startswith("card."),
        )
        .order_by(AuditEntry.id.desc())
        .limit(50)
    ).all()


def _refuse(text: str) -> NoReturn:
    raise ParamError(errors=[FieldError(field="to", message=text)])
