"""A merchant after two days of business, made by the product itself, and how to damage it."""

from dataclasses import dataclass

from pydantic import JsonValue
from sqlalchemy import select

from backend import clock, tenancy
from backend.campaigns import grants, lifecycle, links, programmes, waves
from backend.campaigns.draft import CampaignDraft
from backend.campaigns.models import ClaimLink, Grant, GrantState, OfferPiece, Wave
from backend.coupons.bill import BillLine
from backend.coupons.models import Coupon, CouponTemplate, TemplateRevision
from backend.coupons.numbers import coupon_numbers
from backend.database import Model, db, table_of, transaction
from backend.malls import shops
from backend.malls.buyers import Buyer
from backend.malls.receive import Event, EventKind, Sale, receive
from backend.members import cards
from backend.members.models import Identity, MemberCard
from backend.merchants import staff
from backend.merchants.models import AuditEntry, Role, Staff, StaffSession
from backend.merchants.queries import place
from backend.messaging import consents
from backend.messaging.models import Attempt, Consent, ConsentEntry, Intent
from backend.points import ledger as points
from backend.points.models import PointsEntry, PointsLot
from backend.redemption.models import Redemption, VoucherReport
from backend.redemption.redeem import Redeemer, redeem
from backend.redemption.undo import undo
from backend.sales.bill import Bill, DishLine, Goods, Method, Tender
from backend.sales.models import Bill as BillRow
from backend.sales.models import BillLine as LineRow
from backend.sales.models import Refund, RefundLine
from backend.sales.refund import refund
from backend.sales.refund_records import RefundOrder
from backend.sales.settle import settle
from backend.vouchers.models import MallShop, MallVoucher
from backend.wallet import ledger as wallet
from backend.wallet.models import WalletEntry
from backend.wallet.reversal import reverse_recharge
from tests.backend.campaigns.plans import a_campaign, a_class_plan, a_periodic, gives
from tests.builders import Shop, a_member, a_shop, a_template, reread
from tests.conftest import StillClock


@dataclass(frozen=True)
class World:
    """What a damage names: ids by what they are."""

    shop: Shop
    ids: dict[str, int]


def a_world(still: StillClock) -> World:
    """关注发券, a 09:00 wave, a 10:00 wave that waits, a redemption, two bills with gifts, of which
    one is claimed, consents, messages."""
    shop, other = a_shop(), a_shop()
    plan, waiting, visitor, regular = _business(shop, still)
    idle = [a_member(shop) for _ in range(3)]
    ids = {
        "plan": plan,
        "periodic": waiting,
        "visitor": visitor,
        "regular": regular,
        "foreigner": a_member(other),
        "merchant": shop.merchant_id,
        **dict(zip(("one", "two", "three"), idle, strict=True)),
    }
    with tenancy.acting_for(shop.merchant_id):
        ids |= _ids(plan, waiting, visitor)
    reread()
    return World(shop, ids)


def damage(world: World, *statements: str, unchecked: bool = False) -> None:
    """Write what no code of ours would, past every foreign key; on SQLite also past its checks."""
    ways = {
        "sqlite": [
            ("pragma foreign_keys=off", "pragma foreign_keys=on"),
            *([_CHECKS] if unchecked else ()),
        ],
        "postgresql": [
            ("set session_replication_role=replica", "set session_replication_role=origin")
        ],
    }.get(db.engine.dialect.name, [("set foreign_key_checks=0", "set foreign_key_checks=1")])
    reread()
    raw = db.engine.raw_connection()
    try:
        cursor = raw.cursor()
        for off, _ in ways:
            cursor.execute(off)
        for statement in (text.format(**world.ids) for text in statements):
            cursor.execute(statement)
            assert cursor.rowcount > 0, statement
        raw.commit()
    finally:
        raw.rollback()
        for _, on in ways:
            cursor.execute(on)
        raw.commit()
        raw.close()


_CHECKS = ("pragma ignore_check_constraints=on", "pragma ignore_check_constraints=off")


def _business(shop: Shop, still: StillClock) -> tuple[int, int, int, int]:
    still.move_to("2026-11-23 08:00")
    a_template(shop, "limited", stock=50, minimum_fen=0)
    a_template(shop, "free")
    plan = a_class_plan(
        shop,
        parts={
            "new": {"coupons": [*gives("limited", quantity=2)]},
            "ordinary": {"coupons": gives("free")},
            "loyal": {"coupons": gives("free")},
        },
    )
    waiting = a_periodic(shop, coupons=gives("free", quantity=2))
    gift: dict[str, JsonValue] = {
        "rules": [{"paid_fen": 10000, "coupons": gives("free")}],
        "claim_window": {"kind": "anytime"},
    }
    a_campaign(shop, "gift", "consumption_gift", gift)
    with tenancy.acting_for(shop.merchant_id):
        visitor = a_member(shop, phone="13800000001", follows=True)
        with transaction():
            grants.give_on_follow(visitor, now=clock.now())
    regular = a_member(shop, follows=True)
    for at in ("2026-11-23 09:00", "2026-11-24 10:00"):
        still.move_to(at)
        waves.open_due(still.at)
        with tenancy.acting_for(shop.merchant_id):
            for _, wave_id in waves.unfinished():
                waves.run(wave_id, at=still.at)
    with tenancy.acting_for(shop.merchant_id):
        _spend(visitor, regular)
        _claim(a_member(shop))
        _save(visitor)
        _buy_at_the_mall(shop)
        _write_to(visitor)
        cards.bind("C0001", member_id=visitor, actor="boss", now=clock.now())
        cards.freeze("C0001", actor="boss", now=clock.now())
        cards.unfreeze("C0001", actor="boss", now=clock.now())
    boss, _ = staff.create(
        "boss", role=Role.OWNER, merchant_id=shop.merchant_id, actor="command", now=clock.now()
    )
    now = clock.now()
    with transaction():
        db.session.add(StaffSession(staff_id=boss.id, token_hash="h", created_at=now, seen_at=now))
    return plan, waiting, visitor, regular


def _spend(visitor: int, regular: int) -> None:
    now = clock.now()
    first, second = (_coupons(member)[0] for member in (visitor, regular))
    redeem(coupon_numbers().number(first), here=place("s01"), by=Redeemer("核销员"), now=now)
    settle(
        Bill(
            number="B1",
            goods=Goods((DishLine("毛肚", BillLine("D001", None, 2, 10000)),), service_fen=500),
            tenders=(
                Tender(Method.COUPON, number=coupon_numbers().number(second)),
                Tender(Method.CASH, 19500),
            ),
            settled_at=now,
            member_id=regular,
        ),
        here=place("s01"),
        by=Redeemer("till"),
        now=now,
    )
    one_unit = RefundOrder("T1", ((0, 1),))
    refund(one_unit, bill="B1", here=place("s01"), by="till", now=now)


def _claim(member_id: int) -> None:
    """A second bill, whose gift is claimed by who paid it."""
    now = clock.now()
    bill = Bill(
        number="B2",
        goods=Goods((DishLine("毛肚", BillLine("D001", None, 1, 10000)),), service_fen=0),
        tenders=(Tender(Method.CASH, 10000),),
        settled_at=now,
        member_id=member_id,
    )
    settled = settle(bill, here=place("s01"), by=Redeemer("till"), now=now)
    assert settled.gift is not None
    links.claim(settled.gift, member_id=member_id, now=now)


def _buy_at_the_mall(shop: Shop) -> None:
    """A voucher that was used and given back, one that waits, one that was refunded."""
    now = clock.now()
    with transaction():
        bound = MallShop(store_id=shop.store_id, code="m01", secret="x", bound_at=now)
        db.session.add(bound)
    mall = shops.shop("m01")
    assert mall is not None
    settings = programmes.parse("mall_voucher", {"product": "P60", "template": "free"})
    draft = CampaignDraft(code="mall", kind="mall_voucher", settings=settings)
    lifecycle.start(lifecycle.save(draft, now=now).id, now=now)
    for voucher, product in (("V1", "P60"), ("V2", "P70"), ("V3", "P60")):
        sale = Sale(product, f"O-{voucher}", Buyer(phone="13800000009"), 6000, now)
        receive(Event(f"e-{voucher}", EventKind.SOLD, voucher, sale), shop=mall, now=now)
    receive(Event("e-back", EventKind.REFUNDED, "V3", None), shop=mall, now=now)
    used = redeem("V1", here=place("s01"), by=Redeemer("till"), now=now)
    undo(used.id, by=Redeemer("till"), reason="错了", now=now)


def _save(visitor: int) -> None:
    """Points earned, spent and given back, an earning that owes some; a recharge with a payment
    that was refunded in part."""
    now = clock.now()
    points.earn(visitor, 20, cause="o1", now=now)
    points.spend(visitor, 5, cause="o2", now=now)
    points.reverse("o1", points=10, cause="o3", now=now)
    points.reverse("o1", cause="o4", now=now)
    points.earn(visitor, 100, cause="p1", now=now)
    points.earn(visitor, 50, cause="p2", now=now)
    points.spend(visitor, 40, cause="p3", now=now)
    points.reverse("p3", points=10, cause="p4", now=now)
    wallet.recharge(visitor, recharge_no="R1", principal_fen=10000, now=now)
    wallet.recharge(visitor, recharge_no="R0", principal_fen=500, now=now)
    reverse_recharge("R0", reversal_no="V0", reason="错了", actor="till", now=now)
    wallet.pay(visitor, 3000, cause="w1", now=now)
    wallet.refund("w1", 1000, cause="w2", now=now)


def _write_to(visitor: int) -> None:
    """One message was taken by WeChat; one consent was given twice and used once."""
    now = clock.now()
    with transaction():
        user = db.session.scalars(
            select(Identity.wechat_user_id).where(Identity.member_id == visitor)
        ).one()
        for cause in ("a", "b"):
            consents.report(
                user, {"TPL1": "accept"}, road=consents.Road.CLIENT, cause=cause, now=now
            )
        consents.take(user, "TPL1", cause="intent-1", now=now)
        intent = db.session.scalars(select(Intent).order_by(Intent.id)).first()
        assert intent is not None
        intent.state = "sent"
        db.session.add(Attempt(intent_id=intent.id, channel="template", at=now, outcome="accepted"))


def _ids(plan: int, waiting: int, visitor: int) -> dict[str, int]:
    def first(model: type[Model], *where: object) -> int:
        table = table_of(model)
        wanted = select(table.c.id).where(*where).order_by(table.c.id)  # type: ignore[arg-type]
        with tenancy.across_merchants("a test looks for a row"):
            found = db.session.scalar(wanted)
        assert found is not None, (model, where)
        return int(found)

    redeemed, usable = _coupons(visitor)
    late = first(CouponTemplate, CouponTemplate.code == "free")
    open_grant = first(Grant, Grant.state == GrantState.OPEN)
    return {
        "audited": first(AuditEntry, AuditEntry.action == "card.frozen"),
        "card": first(MemberCard),
        "boss": first(Staff),
        "redeemed": redeemed,
        "usable": usable,
        "redemption": first(Redemption, Redemption.coupon_id == redeemed),
        "bill": first(BillRow),
        "line": first(LineRow),
        "refund": first(Refund),
        "returned": first(RefundLine),
        "billed": first(Redemption, Redemption.bill_id.is_not(None)),
        "limited": first(CouponTemplate, CouponTemplate.code == "limited"),
        "free": late,
        "free_revision": first(TemplateRevision, TemplateRevision.template_id == late),
        "open_grant": open_grant,
        "linked_grant": first(Grant, Grant.state == GrantState.LINKED),
        "open_link": first(ClaimLink, ClaimLink.state == GrantState.OPEN),
        "claimed_link": first(ClaimLink, ClaimLink.state == GrantState.CLAIMED),
        "open_offer": first(OfferPiece, OfferPiece.template_id == late) and _offer(open_grant),
        "wave": first(Wave, Wave.campaign_id == plan),
        "sent": first(Intent, Intent.state == "sent"),
        "due": first(Intent, Intent.state == "due"),
        "consent": first(Consent),
        "entry": first(ConsentEntry),
        "earned": first(PointsEntry, PointsEntry.cause == "p1"),
        "given": first(PointsEntry, PointsEntry.cause == "p4"),
        "lot": first(PointsLot, PointsLot.points == 100),
        "owing": first(PointsLot, PointsLot.owed > 0),
        "taken_back": first(PointsEntry, PointsEntry.cause == "o3"),
        "voucher": first(MallVoucher, MallVoucher.voucher == "V1"),
        "mall_coupon": first(Coupon, Coupon.voucher_id.is_not(None)),
        "mall_redemption": first(VoucherReport) and _reported(),
        "recharged": first(WalletEntry, WalletEntry.cause == "recharge-R1"),
        "refunded": first(WalletEntry, WalletEntry.cause == "w2"),
    }


def _coupons(member_id: int) -> list[int]:
    return list(
        db.session.scalars(
            select(Coupon.id).where(Coupon.member_id == member_id).order_by(Coupon.id)
        )
    )


def _reported() -> int:
    return db.session.scalars(select(VoucherReport.redemption_id)).first() or 0


def _offer(grant_id: int) -> int:
    grant = tenancy.find(Grant, grant_id)
    assert grant is not None
    return grant.offer_id
