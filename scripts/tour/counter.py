"""At the till: a gift behind the receipt, points for a coupon, a bill paid by phone, a voucher from
the mall, a refund."""

import secrets
from typing import Any

from scripts.tour.world import Person, World, check, refused, see, wait

POT = {"dish": "D100", "name": "牛骨清汤锅", "category": "锅底", "quantity": 1, "price_fen": 4800}
FEAST = {"dish": "D003", "name": "吊龙", "category": "肉类", "quantity": 5, "price_fen": 6200}


def gift_behind_the_receipt(world: World, guest: Person) -> None:
    settled = _settle(world, guest, [POT, FEAST])
    gift = settled["gift"]
    check(gift is not None, "the bill brings a gift", settled)
    friend = Person(world, "小勇的朋友", "13800003333")
    friend.log_in()
    claimed = friend.call("POST", f"/api/v1/claims/{gift['id']}")["claimed"]
    refused(lambda: guest.call("POST", f"/api/v1/claims/{gift['id']}"), "ALREADY_CLAIMED")
    see("小票领券", f"{claimed[0]['title']}，再扫一次：已领取")


def points_become_a_coupon(world: World, guest: Person) -> None:
    member = _identify(world, guest)
    world.till("/pos/v1/points", member_id=member["id"], points=1000, reason="开业补偿")
    offers = world.till(f"/pos/v1/exchanges?member_id={member['id']}", "GET")["items"]
    offer = next(each for each in offers if each["eligible"])
    done = world.till(
        "/pos/v1/exchanges",
        member_id=member["id"],
        campaign_id=offer["campaign_id"],
        template_id=offer["template_id"],
    )
    claimed = guest.call("POST", f"/api/v1/claims/{done['claim_id']}")["claimed"]
    see("积分兑换", f"{done['points']} 积分换 {claimed[0]['title']}，还剩 {done['points_total']}")


def pay_by_scan(world: World, guest: Person) -> None:
    bill, now = f"S{secrets.token_hex(4)}", world.now().isoformat(timespec="seconds")
    content = {"table": "B2", "guests": 2, "lines": [POT, FEAST], "service_fen": 0}
    last = world.till("/pos/v1/events", "GET")["next"]
    put = world.till(f"/pos/v1/bills/{bill}", "PUT", **content, cashier="小李", opened_at=now)
    quote = guest.call("POST", f"/api/v1/bills/{put['token']}/quote")
    paying = guest.call("POST", f"/api/v1/bills/{put['token']}/pay", quote_id=quote["quote_id"])
    prepay_id = paying["wechat_pay"]["package"].removeprefix("prepay_id=")
    world.sim("POST", "/pay", person=guest.id, prepay_id=prepay_id)
    paid = wait(
        "the till is told of the payment",
        lambda: [
            each
            for each in world.till(f"/pos/v1/events?after={last}", "GET")["events"]
            if each["kind"] == "paid" and each["bill"] == bill
        ],
    )[0]
    settled = world.till(
        f"/pos/v1/bills/{bill}/settle",
        **content,
        cashier="小李",
        opened_at=now,
        settled_at=world.now().isoformat(timespec="seconds"),
        member_id=paid["member_id"],
        quote_id=paid["quote_id"],
        tenders=paid["tenders"],
    )
    check(settled["paid_fen"] == quote["to_pay_fen"], "what was quoted was paid", settled)
    see("扫码付", f"手机付 {settled['paid_fen']} 分，收银台收到提示后直接结账")


def bought_in_the_mall(world: World, guest: Person) -> None:
    order = secrets.token_hex(4)
    sold = world.mall(
        event_id=f"e-{order}",
        type="sold",
        product="P60",
        order=f"o-{order}",
        voucher=f"v-{order}",
        buyer={"phone": guest.phone},
        paid_fen=6000,
        sold_at=world.now().isoformat(timespec="seconds"),
    )
    check(sold["state"] == "usable", "the voucher is linked", sold)
    mine = [each["number"] for each in guest.coupons()]
    check(sold["number"] in mine, "it stands among 我的优惠", mine)
    settled = _settle(world, guest, [POT, FEAST], coupon=sold["number"])
    check("票券x1" in settled["receipt_text"], "the receipt names it", settled["receipt_text"])
    see("商城券核销", f"{sold['number']} 抵 {settled['reduction_fen']} 分")
    refund = world.till(f"/pos/v1/bills/{settled['bill']}/refund", refund="R1", reason="退单")
    back = [each["number"] for each in refund["coupons"]]
    check(back == [sold["number"]], "the voucher comes back", refund)
    see("退款", f"退回 {refund['refunded_fen']} 分和 {back[0]}")


def _settle(
    world: World, guest: Person, lines: list[dict[str, Any]], *, coupon: str | None = None
) -> dict[str, Any]:
    """Quoted with this coupon, or with none; paid in cash."""
    member_id, chosen = _identify(world, guest)["id"], [coupon] if coupon else []
    quote = world.till(
        "/pos/v1/quotes", member_id=member_id, lines=lines, service_fen=0, coupons=chosen
    )
    now = world.now().isoformat(timespec="seconds")
    return world.till(
        f"/pos/v1/bills/G{secrets.token_hex(4)}/settle",
        table="A2",
        guests=2,
        cashier="小李",
        opened_at=now,
        settled_at=now,
        member_id=member_id,
        lines=lines,
        service_fen=0,
        quote_id=quote["quote_id"],
        tenders=[{"method": "cash", "amount_fen": quote["to_pay_fen"]}],
    )


def _identify(world: World, guest: Person) -> dict[str, Any]:
    return dict(world.till("/pos/v1/members/identify", phone=guest.phone)["member"])
