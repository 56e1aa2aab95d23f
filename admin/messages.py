"""消息记录: every message that was due, what became of it, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from admin import access, member_filters, queries, words
from admin.base import SecureModelView, Tab
from admin.columns import Column, instant, phones, status, word
from admin.filters import Choice, DayRange, equals
from admin.rights import Right
from backend.database import db
from backend.messaging.models import Attempt, Intent, IntentState


@dataclass(frozen=True)
class MessageRow:
    """消息 as the list shows it."""

    id: int
    purpose: str
    nickname: str
    phone: str | None
    state: str
    channel: str
    failure: str
    queued_at: datetime
    sent_at: datetime | None


def _tab(state: IntentState) -> Tab:
    return Tab(state.value, words.INTENT_STATES[state].label, lambda _now: Intent.state == state)


class Messages(SecureModelView):
    """消息记录."""

    right = Right.MESSAGES
    icon = "fa-comments-o"
    noun = "消息"
    empty_help = "发券、到期提醒等消息会出现在这里"
    list_help = (
        "“结果未知”指已经发出、没有收到微信的回答；不会自动重发，以免打扰顾客。"
        "“暂时联系不上”的，等顾客关注、授权或来信后自动发出，过了有效时间不再发。"
        "“恢复后暂停”指恢复备份时还未发出，可能已经发过，等人决定（命令 outbox release 或 drop）"
    )
    can_view_details = True
    row_template = "desk/message_row.html"
    details_template = "desk/message_details.html"
    tabs = (Tab("", "全部"), *map(_tab, IntentState))
    columns = (
        word("purpose", "内容", words.PURPOSES),
        Column("nickname", "会员"),
        phones(),
        status("state", "状态", words.INTENT_STATES),
        word("channel", "渠道", words.CHANNELS),
        Column("failure", "原因", css="wrap"),
        instant("queued_at", "产生时间", sort=Intent.queued_at),
        instant("sent_at", "发送时间"),
    )
    column_filters = (
        member_filters.by_phone(Intent),
        Choice("内容", equals(Intent.purpose), options=tuple(words.PURPOSES.items())),
        Choice("渠道", equals(Intent.channel), options=tuple(words.CHANNELS.items())),
        DayRange("产生时间", Intent.queued_at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        return member_filters.at_stores(Intent, access.desk().stores)

    def order(self) -> Sequence[Any]:
        return (Intent.queued_at.desc(), Intent.id.desc())

    def rows(self, found: Sequence[Intent]) -> list[MessageRow]:
        people = queries.people({intent.member_id for intent in found})
        return [
            MessageRow(
                id=intent.id,
                purpose=intent.purpose,
                nickname=people[intent.member_id].nickname,
                phone=people[intent.member_id].phone,
                state=intent.state,
                channel=intent.channel or "",
                failure=intent.failure,
                queued_at=intent.queued_at,
                sent_at=intent.sent_at,
            )
            for intent in found
        ]

    def facts(self, row: Intent) -> Mapping[str, object]:
        attempts = db.session.scalars(
            select(Attempt).where(Attempt.intent_id == row.id).order_by(Attempt.id)
        ).all()
        person = queries.people([row.member_id])[row.member_id]
        return {"row": row, "attempts": attempts, "person": person}
