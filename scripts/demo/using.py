"""Coupons used in the past: at the till on a bill, or scanned by a verifier at the table."""

from datetime import datetime, timedelta
from random import Random

from backend.calendar import local
from backend.coupons.applicability import Standing, UseFacts, verdict
from backend.coupons.discount import Reduction, reduction
from backend.coupons.models import CouponEvent, CouponState
from backend.merchants.models import Verifier
from backend.messaging.models import Purpose
from backend.redemption.models import Redemption
from backend.sales.bill import Goods
from scripts.demo.guests import Guest, Held
from scripts.demo.ledger import Ledger, Row
from scripts.demo.letters import Letters
from scripts.demo.shop import Shop, Till

USABLE = Standing(CouponState.USABLE)
REASONS = ("顾客改用另一张券", "扫错了券", "顾客退菜，不用券了")


class Using:
    """核销, and now and then its undoing."""

    def __init__(
        self, shop: Shop, ledger: Ledger, letters: Letters, chance: Random, verifiers: list[Row]
    ) -> None:
        self._shop, self._ledger, self._letters = shop, ledger, letters
        self._chance, self._verifiers = chance, verifiers

    def choose(
        self, guest: Guest, till: Till, goods: Goods, at: datetime
    ) -> tuple[Held, Reduction] | None:
        """The coupon that takes most off, if they think of it."""
        guest.held = [held for held in guest.held if held.promise.valid_until > at]
        if self._chance.random() > 0.72 or (guest.keeps_coupons and self._is_recent(at)):
            return None
        use = UseFacts(
            till.place.code, till.place.name, at, zone=self._shop.zone, lines=goods.judged
        )
        usable = [
            (held, reduction(held.promise, goods.judged))
            for held in guest.held
            if verdict(held.promise, USABLE, use) is None
        ]
        return max(usable, key=lambda pair: pair[1].total_fen, default=None)

    def _is_recent(self, at: datetime) -> bool:
        return self._letters.now - at < timedelta(days=12)

    def redeem_by_scan(self, guest: Guest, held: Held, till: Till, at: datetime) -> bool:
        """核销员 scans at the table; sometimes the wrong one, which is undone."""
        verifier = next(
            (v for v in self._verifiers if till.place.code in list(map(str, v["stores"]))),  # type: ignore[call-overload]
            None,
        )
        if verifier is None or self._chance.random() > 0.3:
            return False
        at -= timedelta(minutes=self._chance.randint(2, 25))
        if held.promise.valid_from > at:
            return False
        self.use(guest, held, till, at, verifier=verifier)
        return True

    def use(
        self,
        guest: Guest,
        held: Held,
        till: Till,
        at: datetime,
        *,
        bill_id: int | None = None,
        off: int | None = None,
        verifier: Row | None = None,
    ) -> None:
        """核销 of a coupon; a scan now and then is undone within its five minutes."""
        by = till.name if verifier is None else str(verifier["name"])
        undone = verifier is not None and self._chance.random() < 0.04
        undone_at = at + timedelta(seconds=self._chance.randint(40, 280)) if undone else None
        row = self._ledger.add(
            Redemption,
            coupon_id=held.row["id"],
            live_key=None if undone else held.row["id"],
            campaign_id=held.row["campaign_id"],
            member_id=guest.id,
            store_id=till.place.store_id,
            verifier_id=verifier["id"] if verifier else None,
            bill_id=bill_id,
            reduction_fen=off,
            at=at,
            by=by,
            undone_at=undone_at,
            undone_by=by if undone else "",
            undo_reason=self._chance.choice(REASONS) if undone else "",
        )
        cause = f"store {till.place.code}" if bill_id is None else f"bill {bill_id}"
        self._event(held, CouponState.USABLE, CouponState.REDEEMED, at, by, cause)
        if undone_at is not None:
            undo = f"undo {row['id']}"
            self._event(held, CouponState.REDEEMED, CouponState.USABLE, undone_at, by, undo)
        else:
            held.row["state"] = CouponState.REDEEMED.value
            guest.held.remove(held)
        self._letters.tell(
            guest,
            Purpose.COUPON_REDEEMED,
            {
                "title": held.promise.title,
                "number": held.promise.number,
                "store": till.place.name,
                "merchant": till.place.merchant_name,
                "time": local(at, self._shop.zone).isoformat(timespec="seconds"),
            },
            key=f"redemption-{row['id']}",
            at=at,
        )

    def _event(
        self,
        held: Held,
        before: CouponState,
        after: CouponState,
        at: datetime,
        actor: str,
        cause: str,
    ) -> None:
        self._ledger.add(
            CouponEvent,
            coupon_id=held.row["id"],
            before=before.value,
            after=after.value,
            at=at,
            actor=actor,
            cause=cause,
        )


def verifiers(ledger: Ledger, guests: list[Guest], stores: list[str], *, at: datetime) -> list[Row]:
    """核销员: two of the staff, one for the first store, one for the others."""
    posts = {"店员小张": stores[:1], "店员阿珍": stores[1:] or stores[:1]}
    return [
        ledger.add(
            Verifier,
            member_id=guest.id,
            name=str(guest.row["nickname"]).removeprefix("店员"),
            stores=posts[str(guest.row["nickname"])],
            active=True,
            bound_at=at,
            unbound_at=None,
        )
        for guest in guests
        if guest.row["nickname"] in posts
    ]
