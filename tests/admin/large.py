"""A large merchant beside a small one: rows of everything that grows, inserted in bulk.

The store ``s02`` is small: one member of 50 came there, so that limits of stores have to search.
"""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import insert, select

from backend import clock, tenancy
from backend.campaigns.models import Campaign, Grant, Offer
from backend.coupons.models import Coupon, CouponEvent, CouponTemplate
from backend.database import Model, db, table_of, transaction
from backend.members.models import LevelChange, Member, MemberCard, MemberLevel
from backend.merchants.models import AuditEntry
from backend.messaging.models import Intent
from backend.points.models import PointsEntry
from backend.redemption.models import Redemption
from backend.sales.models import Bill
from backend.wallet.models import WalletEntry
from tests.builders import Shop, a_shop, a_store, a_template, reread

SMALL_STORE = "s02"
ONE_IN = 50


def a_large_shop(members: int, *, code: str | None = None) -> Shop:
    """商家 with so many members, each with a card, points, balance, a level change, a message, two
    coupons of which one was used on a bill, and a line in the log."""
    shop = a_shop(code)
    small = a_store(shop, SMALL_STORE, "小店")
    template = a_template(shop, f"large-{shop.code}")
    now = clock.now()
    with transaction(), tenancy.acting_for(shop.merchant_id):
        revision = db.session.get_one(CouponTemplate, template).revision_id
        level = db.session.scalars(select(MemberLevel.id)).first()
        campaign = Campaign(
            code="large",
            kind="periodic",
            name="周四送券",
            settings={
                "timetable": {"every": "week", "days": [4], "at": "10:00"},
                "claim_window": {"kind": "anytime"},
                "audience": {"mode": "dynamic", "match": "all", "conditions": []},
            },
            created_at=now,
        )
        db.session.add(campaign)
        db.session.flush()
        offer = Offer(campaign_id=campaign.id, content_hash="large", quantity=2)
        db.session.add(offer)
        db.session.flush()

        def at(n: int) -> dict[str, object]:
            return {"at": now - timedelta(minutes=members - n)}

        def store(n: int) -> int:
            return small if n % ONE_IN == 0 else shop.store_id

        numbers = range(members)
        people = _bulk(
            shop,
            Member,
            (
                {
                    "nickname": f"客{n}",
                    "phone": f"139{n:08d}",
                    "joined_at": at(n)["at"],
                    "store_id": store(n),
                    "customer_class": ("new", "ordinary", "loyal")[n % 3],
                    "consumption_count": n % 3,
                    "consumption_fen": n * 7 % 5000,
                    "level_id": level,
                }
                for n in numbers
            ),
        )
        who = list(zip(numbers, people, strict=True))
        _bulk(
            shop,
            MemberCard,
            ({"member_id": m, "number": f"K{n}", "state": "normal"} for n, m in who),
        )
        _bulk(
            shop,
            PointsEntry,
            (
                {
                    "member_id": m, "seq": 1, "kind": "earn", "change": 10, "balance_after": 10,
                    "cause": f"registration-{m}", **at(n),
                }
                for n, m in who
            ),
        )  # fmt: skip
        _bulk(
            shop,
            WalletEntry,
            (
                {
                    "member_id": m, "seq": 1, "kind": "recharge", "principal_fen": 100,
                    "bonus_fen": 0, "principal_after": 100, "bonus_after": 0,
                    "cause": f"recharge-s01/{m}", **at(n),
                }
                for n, m in who
            ),
        )  # fmt: skip
        _bulk(
            shop,
            LevelChange,
            (
                {"member_id": m, "after_level_id": level, "cause": f"given-{m}", **at(n)}
                for n, m in who
            ),
        )
        _bulk(
            shop,
            Intent,
            (
                {
                    "member_id": m, "purpose": "coupon_received", "facts": {}, "state": "sent",
                    "dedupe_key": f"large-{m}", "queued_at": at(n)["at"],
                    "not_before": at(n)["at"], "not_after": now,
                }
                for n, m in who
            ),
        )  # fmt: skip
        grants = _bulk(
            shop,
            Grant,
            (
                {
                    "campaign_id": campaign.id, "cycle": "2026-11-19@10:00", "member_id": m,
                    "offer_id": offer.id, "quantity": 2, "state": "claimed",
                    "granted_at": at(n)["at"], "claimed_at": at(n)["at"],
                }
                for n, m in who
            ),
        )  # fmt: skip
        coupons = _bulk(
            shop,
            Coupon,
            (
                {
                    "grant_id": grant, "piece": piece, "member_id": m, "campaign_id": campaign.id,
                    "template_id": template, "revision_id": revision,
                    "state": "redeemed" if piece == 1 else "usable",
                    "valid_from": at(n)["at"], "valid_until": now + timedelta(days=30),
                    "claimed_at": at(n)["at"],
                }
                for (n, m), grant in zip(who, grants, strict=True)
                for piece in (1, 2)
            ),
        )  # fmt: skip
        bills = _bulk(
            shop,
            Bill,
            (
                {
                    "store_id": store(n), "number": f"L{n}", "fingerprint": "x", "member_id": m,
                    "settled_at": at(n)["at"], "recorded_at": at(n)["at"], "lines_fen": 1000,
                    "paid_fen": 900, "reduction_fen": 100, "answer": {},
                }
                for n, m in who
            ),
        )  # fmt: skip
        _bulk(
            shop,
            Redemption,
            (
                {
                    "coupon_id": coupons[2 * n], "live_key": coupons[2 * n],
                    "campaign_id": campaign.id, "member_id": m, "store_id": store(n),
                    "bill_id": bills[n], "reduction_fen": 100, "by": "till", **at(n),
                }
                for n, m in who
            ),
        )  # fmt: skip
        _bulk(
            shop,
            CouponEvent,
            (
                {
                    "coupon_id": coupons[2 * n], "before": "usable", "after": "redeemed",
                    "actor": "till", "cause": "bill", **at(n),
                }
                for n in numbers
            ),
        )  # fmt: skip
        _bulk(
            shop,
            AuditEntry,
            (
                {
                    "actor": "boss", "action": "store.save", "subject": "门店", **at(n),
                    "book": shop.merchant_id, "seq": 10**6 + n, "seal": "",
                }
                for n in numbers
            ),
        )  # fmt: skip
    reread()
    return shop


def _bulk(shop: Shop, model: type[Model], rows: Iterable[dict[str, object]]) -> list[int]:
    """The rows of this shop, inserted by thousands; their ids in the same order."""
    table = table_of(model)
    newest = select(table.c.id).order_by(table.c.id.desc()).limit(1)
    with tenancy.across_merchants("ids are the deployment's"):
        before = db.session.connection().scalar(newest)
    listed = [{"merchant_id": shop.merchant_id, **row} for row in rows]
    for start in range(0, len(listed), 1000):
        db.session.connection().execute(insert(table), listed[start : start + 1000])
    found = db.session.connection().scalars(
        select(table.c.id)
        .where(table.c.id > (before or 0), table.c.merchant_id == shop.merchant_id)
        .order_by(table.c.id)
    )
    return list(found)
