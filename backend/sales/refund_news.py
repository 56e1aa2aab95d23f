"""退款通知: what a refund gave back to the member's balance and points, or took."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from backend.calendar import local
from backend.members.view import MemberView
from backend.merchants.queries import Place
from backend.messaging import outbox
from backend.messaging.models import Purpose
from backend.money import yuan
from backend.sales.refund_records import Refunded


def tell(
    member: MemberView, refunded: Refunded, refund_id: int, *, here: Place, now: datetime
) -> None:
    """余额变动 and 积分变动, one message each beside the refund; none where nothing changed."""
    facts: Mapping[str, JsonValue] = {
        "store": here.name,
        "merchant": here.merchant_name,
        "time": local(now, here.zone).isoformat(timespec="seconds"),
    }
    if refunded.balance_back_fen:
        outbox.queue(
            member.id,
            Purpose.BALANCE_CHANGED,
            {
                **facts,
                "title": "退款退回余额",
                "amount": yuan(refunded.balance_back_fen),
                "remark": f"余额{yuan(member.balance_fen)}元",
            },
            dedupe_key=f"refund-{refund_id}-balance",
            now=now,
        )
    if change := refunded.points_back - refunded.points_taken:
        outbox.queue(
            member.id,
            Purpose.POINTS_CHANGED,
            {
                **facts,
                "title": "退款积分变动",
                "points": change,
                "points_total": member.points,
                "remark": f"积分{change:+d}，现有{member.points}积分",
            },
            dedupe_key=f"refund-{refund_id}-points",
            now=now,
        )
