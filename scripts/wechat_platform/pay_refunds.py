"""微信支付退款: accepted, and a moment later ended and told."""

import secrets
import sqlite3
from dataclasses import astuple, dataclass

from scripts.wechat_platform.pay_accounts import PayAccount
from scripts.wechat_platform.pay_errors import PayError
from scripts.wechat_platform.pay_notices import rfc3339
from scripts.wechat_platform.pay_orders import Order, State, order_of, set_state
from scripts.wechat_platform.store import Store
from scripts.wechat_platform.world import World

PROCESSING = "PROCESSING"
_AFTERWARDS = 0.2  # seconds between the answer and the end


@dataclass(frozen=True)
class Refund:
    """One refund; ``state`` is PROCESSING until it ends as ``ends_as``."""

    mch_id: str
    out_refund_no: str
    out_trade_no: str
    transaction_id: str
    refund_id: str
    refund: int
    total: int
    reason: str
    notify_url: str
    created_at: float
    ends_as: str = "SUCCESS"
    state: str = PROCESSING


@dataclass(frozen=True)
class Asked:
    """What a merchant asks to give back, in fen."""

    out_trade_no: str
    out_refund_no: str
    refund: int
    total: int
    reason: str
    notify_url: str


def refund(world: World, account: PayAccount, asked: Asked) -> Refund:
    """申请退款. The same number is the same refund."""
    with world.store.transaction():
        known = _find(world.store, account.mch_id, asked.out_refund_no)
        if known is not None:
            if (known.out_trade_no, known.refund) != (asked.out_trade_no, asked.refund):
                raise PayError("INVALID_REQUEST", "退款金额与之前请求不一致，请核实后再试")
            return known
        order = _refundable(world, account, asked)
        made = Refund(
            mch_id=account.mch_id,
            out_refund_no=asked.out_refund_no,
            out_trade_no=asked.out_trade_no,
            transaction_id=order.transaction_id,
            refund_id="50" + "".join(secrets.choice("0123456789") for _ in range(27)),
            refund=asked.refund,
            total=asked.total,
            reason=asked.reason,
            notify_url=asked.notify_url,
            created_at=world.clock(),
            ends_as=world.refund_ends.pop(0) if world.refund_ends else "SUCCESS",
        )
        marks = ", ".join("?" * len(Refund.__dataclass_fields__))
        world.store.run(f"INSERT INTO pay_refund VALUES ({marks})", *astuple(made))
        set_state(world.store, order, State.REFUND)
    if made.notify_url:
        told = as_told(made, ended=True)
        told |= {"mchid": made.mch_id, "refund_status": told.pop("status")}
        world.notices.tell(
            account,
            made.notify_url,
            f"REFUND.{made.ends_as}",
            told,
            subject=made.out_refund_no,
            after=_AFTERWARDS,
        )
    else:
        end_refund(world.store, made.out_refund_no)
    return made


def refund_of(world: World, account: PayAccount, out_refund_no: str) -> Refund:
    found = _find(world.store, account.mch_id, out_refund_no)
    if found is None:
        raise PayError("RESOURCE_NOT_EXISTS", "退款单不存在")
    return found


def end_refund(store: Store, out_refund_no: str) -> None:
    """The money arrived, or did not; called when the end is about to be told."""
    store.run("UPDATE pay_refund SET state=ends_as WHERE out_refund_no=?", out_refund_no)


def all_refunds(store: Store) -> list[Refund]:
    return [_refund(row) for row in store.rows("SELECT * FROM pay_refund ORDER BY rowid")]


def as_told(made: Refund, *, ended: bool = False) -> dict[str, object]:
    """The refund in answers, and ended as in its notice."""
    status = made.ends_as if ended else made.state
    told: dict[str, object] = {
        "refund_id": made.refund_id,
        "out_refund_no": made.out_refund_no,
        "transaction_id": made.transaction_id,
        "out_trade_no": made.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc3339(made.created_at),
        "status": status,
        "amount": {
            "total": made.total,
            "refund": made.refund,
            "payer_total": made.total,
            "payer_refund": made.refund,
            "currency": "CNY",
        },
    }
    if status == "SUCCESS":
        told["success_time"] = rfc3339(made.created_at)
    return told


def _refundable(world: World, account: PayAccount, asked: Asked) -> Order:
    order = order_of(world, account, asked.out_trade_no)
    if order.state not in (State.SUCCESS, State.REFUND):
        raise PayError("INVALID_REQUEST", "订单未支付，不能退款")
    if asked.total != order.total:
        raise PayError("INVALID_REQUEST", "订单金额不一致，请核实后再试")
    row = world.store.row(
        "SELECT coalesce(sum(refund), 0) AS back FROM pay_refund"
        " WHERE mch_id=? AND out_trade_no=? AND ends_as<>'CLOSED'",
        order.mch_id,
        order.out_trade_no,
    )
    if row is None or row["back"] + asked.refund > order.total:
        raise PayError("INVALID_REQUEST", "累计退款金额大于订单金额")
    return order


def _find(store: Store, mch_id: str, out_refund_no: str) -> Refund | None:
    row = store.row(
        "SELECT * FROM pay_refund WHERE mch_id=? AND out_refund_no=?", mch_id, out_refund_no
    )
    return _refund(row) if row else None


def _refund(row: sqlite3.Row) -> Refund:
    return Refund(**dict(row))
