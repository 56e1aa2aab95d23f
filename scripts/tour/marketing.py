"""Coupons that come by themselves: on a follow, at nine, at a login; scanned and redeemed."""

import secrets
from datetime import timedelta

from scripts.tour.world import Person, World, check, see, wait


def follow_and_have_a_coupon(guest: Person) -> None:
    guest.log_in()
    guest.follow()
    coupon = wait("the follow's coupon in the card pack", guest.coupons)[0]
    see("关注即得券", f"{coupon['title']} {coupon['number']}")
    guest.give_phone()


def become_an_ordinary_customer(world: World, guest: Person) -> None:
    found = world.till("/pos/v1/members/identify", phone=guest.phone)
    lines = [
        {"dish": "D100", "name": "鸳鸯锅", "category": "锅底", "quantity": 1, "price_fen": 28400}
    ]
    member = found["member"]["id"]
    quote = world.till("/pos/v1/quotes", member_id=member, lines=lines, service_fen=0)
    check(quote["reduction_fen"] > 0, "the quote takes the coupon", quote)
    see("批价", f"原价 {quote['total_fen']} 分，优惠 {quote['reduction_fen']} 分")
    now = world.now()
    settled = world.till(
        f"/pos/v1/bills/T{secrets.token_hex(4)}/settle",
        table="A1",
        guests=2,
        cashier="小李",
        opened_at=now.isoformat(timespec="seconds"),
        settled_at=now.isoformat(timespec="seconds"),
        member_id=member,
        lines=lines,
        service_fen=0,
        quote_id=quote["quote_id"],
        tenders=[{"method": "cash", "amount_fen": quote["to_pay_fen"]}],
    )
    check(settled["class"] == "ordinary", "one bill makes an ordinary customer", settled)
    check(guest.coupons() == [], "the coupon is used", guest.coupons())
    see("结账", f"实付 {settled['paid_fen']} 分，成为普通客")


def nine_o_clock(world: World, guest: Person) -> None:
    monday = world.now() + timedelta(days=7 - world.now().weekday())
    at = monday.replace(hour=9, minute=0, second=1, microsecond=0)
    world.flask("clock", "set", at.isoformat())
    coupon = wait("the 09:00 wave's coupon", guest.coupons)[0]
    see("09:00 发券", f"{coupon['title']} {coupon['number']}")
    told = wait("its message on the phone", lambda: guest.messages_about(coupon["title"]))[-1]
    see("消息到达", "，".join(told["data"].values()))


def scan_and_redeem(world: World, guest: Person) -> None:
    shop = world.shop
    invite = world.flask("verifiers", "invite", "--merchant", shop.code, "--store", shop.store)[0]
    clerk = Person(world, "店员小张", "13900002222")
    clerk.log_in()
    clerk.call("POST", "/api/v1/verifier/bind", token=invite["token"])
    number = guest.coupons()[0]["number"]
    qr = guest.call("GET", f"/api/v1/me/coupons/{number}/qr")
    sheet = clerk.call("POST", "/api/v1/verifier/check", scan=qr["text"], store=shop.store)
    see("扫码", f"{sheet['coupon']['title']} · {sheet['owner']} · {sheet['give']}")
    done = clerk.call("POST", "/api/v1/verifier/redeem", scan=qr["text"], store=shop.store)
    shown = guest.call("GET", f"/api/v1/me/coupons/{number}")
    check(shown["state"] == "redeemed", "the customer's page says 已核销", shown)
    see("确认核销", f"第 {done['redemption']['id']} 号核销，顾客页面已更新")


def coupons_that_waited(world: World, guest: Person) -> None:
    thursday = world.now() + timedelta(days=(3 - world.now().weekday()) % 7)
    at = thursday.replace(hour=10, minute=30, second=1, microsecond=0)
    world.flask("clock", "set", at.isoformat())
    claimed = wait("coupons that waited for the login", guest.log_in)
    see("登录自动领取", "、".join(f"{c['title']} {c['number']}" for c in claimed))
