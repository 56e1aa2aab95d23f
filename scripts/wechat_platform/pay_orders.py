"""微信支付订单: placed by merchants, paid by people, closed."""

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from enum import StrEnum

from scripts.wechat_platform.pay_accounts import PayAccount, known_pay_account
from scripts.wechat_platform.pay_errors import PayError
from scripts.wechat_platform.pay_notices import Told, rfc3339
from scripts.wechat_platform.pay_signing import check_sheet
from scripts.wechat_platform.people import Person, openid_of
from scripts.wechat_platform.store import Store
from scripts.wechat_platform.world import World

PREPAY_LIFE = 7200.0


class State(StrEnum):
    NOTPAY = "NOTPAY"
    SUCCESS = "SUCCESS"
    REFUND = "REFUND"
    CLOSED = "CLOSED"


_SAID = {
    State.NOTPAY: "订单未支付",
    State.SUCCESS: "支付成功",
    State.REFUND: "订单发生过退款，退款详情请查询退款单",
    State.CLOSED: "订单已关闭",
}


@dataclass(frozen=True)
class Order:
    """One order; ``total`` in fen, times in Unix seconds."""

    mch_id: str
    out_trade_no: str
    app_id: str
    openid: str
    description: str
    attach: str
    total: int
    notify_url: str
    prepay_id: str
    prepaid_at: float
    expires_at: float | None
    state: State = State.NOTPAY
    transaction_id: str = ""
    paid_at: float | None = None


def place(world: World, order: Order) -> None:
    """下单: the same order again gets a new prepay id; another under its number is refused."""
    store = world.store
    with store.transaction():
        known = _find(store, order.mch_id, order.out_trade_no, now=world.clock())
        if known is not None:
            if known.state is not State.NOTPAY:
                raise _over(known)
            if _asked_for(known) != _asked_for(order):
                raise PayError("OUT_TRADE_NO_USED", "商户订单号重复，且与首次请求的参数不一致")
            store.run("DELETE FROM pay_order WHERE prepay_id=?", known.prepay_id)
        marks = ", ".join("?" * len(Order.__dataclass_fields__))
        store.run(f"INSERT INTO pay_order VALUES ({marks})", *astuple(order))


def order_of(world: World, account: PayAccount, out_trade_no: str) -> Order:
    found = _find(world.store, account.mch_id, out_trade_no, now=world.clock())
    if found is None:
        raise PayError("ORDERNOTEXIST", "订单不存在")
    return found


def close(world: World, account: PayAccount, out_trade_no: str) -> None:
    """关单."""
    with world.store.transaction():
        order = order_of(world, account, out_trade_no)
        if order.state is not State.NOTPAY:
            raise _over(order)
        set_state(world.store, order, State.CLOSED)


def order_prepared(world: World, prepay_id: str) -> Order:
    """The order of a prepay id, which is good for two hours."""
    row = world.store.row("SELECT * FROM pay_order WHERE prepay_id=?", prepay_id)
    if row is None or world.clock() > row["prepaid_at"] + PREPAY_LIFE:
        raise PayError("PARAM_ERROR", "支付会话已失效，请重新下单")
    return _lapsed(world.store, _order(row), now=world.clock())


def opened_sheet(world: World, params: Mapping[str, str]) -> Order:
    """What ``wx.requestPayment`` shows, if these parameters are the merchant's."""
    order = order_prepared(world, params.get("package", "").removeprefix("prepay_id="))
    check_sheet(known_pay_account(world.store, order.mch_id), params)
    if params.get("appId") != order.app_id:
        raise PayError("PARAM_ERROR", "appid与下单时不一致")
    return order


def pay(world: World, person: Person, prepay_id: str) -> Told:
    """确认支付: the person's money goes over once, and the merchant is told."""
    with world.store.transaction():
        order = order_prepared(world, prepay_id)
        if openid_of(world.store, person, order.app_id) != order.openid:
            raise PayError("PARAM_ERROR", "当前微信用户与下单用户不一致")
        if order.state is not State.NOTPAY:
            raise _over(order)
        world.store.run(
            "UPDATE pay_order SET state=?, transaction_id=?, paid_at=? WHERE prepay_id=?",
            State.SUCCESS,
            "42" + "".join(secrets.choice("0123456789") for _ in range(26)),
            world.clock(),
            prepay_id,
        )
        order = order_prepared(world, prepay_id)
    return world.notices.tell(
        known_pay_account(world.store, order.mch_id),
        order.notify_url,
        "TRANSACTION.SUCCESS",
        as_told(order),
        subject=order.out_trade_no,
    )


def orders_of(world: World, person: Person) -> list[Order]:
    """What this person was asked to pay, newest first."""
    rows = world.store.rows(
        "SELECT pay_order.* FROM pay_order JOIN identity USING (app_id, openid)"
        " WHERE person_id=? ORDER BY prepaid_at DESC",
        person.id,
    )
    return [_lapsed(world.store, _order(row), now=world.clock()) for row in rows]


def all_orders(store: Store) -> list[Order]:
    return [_order(row) for row in store.rows("SELECT * FROM pay_order ORDER BY rowid")]


def set_state(store: Store, order: Order, state: State) -> None:
    store.run(
        "UPDATE pay_order SET state=? WHERE mch_id=? AND out_trade_no=?",
        state,
        order.mch_id,
        order.out_trade_no,
    )


def as_told(order: Order) -> dict[str, object]:
    """The order in answers and notices."""
    told: dict[str, object] = {
        "appid": order.app_id,
        "mchid": order.mch_id,
        "out_trade_no": order.out_trade_no,
        "trade_state": order.state,
        "trade_state_desc": _SAID[order.state],
        "amount": {"total": order.total, "currency": "CNY"},
        "promotion_detail": [],
    }
    if order.attach:
        told["attach"] = order.attach
    if order.paid_at is not None:
        told |= {
            "amount": {
                "total": order.total,
                "payer_total": order.total,
                "currency": "CNY",
                "payer_currency": "CNY",
            },
            "transaction_id": order.transaction_id,
            "trade_type": "JSAPI",
            "bank_type": "OTHERS",
            "success_time": rfc3339(order.paid_at),
            "payer": {"openid": order.openid},
        }
    return told


def _asked_for(order: Order) -> tuple[object, ...]:
    return (
        order.app_id,
        order.openid,
        order.description,
        order.attach,
        order.total,
        order.notify_url,
    )


def _over(order: Order) -> PayError:
    if order.state is State.CLOSED:
        return PayError("ORDERCLOSED", "订单已关闭")
    return PayError("ORDERPAID", "该订单已支付")


def _find(store: Store, mch_id: str, out_trade_no: str, *, now: float) -> Order | None:
    row = store.row(
        "SELECT * FROM pay_order WHERE mch_id=? AND out_trade_no=?", mch_id, out_trade_no
    )
    return _lapsed(store, _order(row), now=now) if row else None


def _lapsed(store: Store, order: Order, *, now: float) -> Order:
    """An order whose time is over is closed."""
    if order.state is not State.NOTPAY or order.expires_at is None or now < order.expires_at:
        return order
    set_state(store, order, State.CLOSED)
    return Order(**{**vars(order), "state": State.CLOSED})


def _order(row: sqlite3.Row) -> Order:
    return Order(**{**dict(row), "state": State(row["state"])})
