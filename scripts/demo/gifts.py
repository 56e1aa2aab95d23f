"""会员消费送优惠券 of the past: what the codes on receipts held, and who scanned them."""

import secrets
from datetime import datetime, timedelta
from random import Random

from backend.campaigns import links
from backend.campaigns.cadence import claim_until
from backend.campaigns.kinds.consumption_gift import ConsumptionGift
from backend.campaigns.models import ClaimLink, ClaimLinkKind, GrantState
from scripts.demo.giving import Giving
from scripts.demo.guests import Guest
from scripts.demo.ledger import Ledger
from scripts.demo.shop import Running, Shop


class Gifts:
    """Links with their grants: claimed, lapsed by now, or still waiting."""

    def __init__(
        self, shop: Shop, ledger: Ledger, giving: Giving, chance: Random, *, now: datetime
    ) -> None:
        self._shop, self._ledger, self._giving = shop, ledger, giving
        self._chance, self._now = chance, now

    def for_bill(self, guest: Guest, bill_id: int, paid_fen: int, at: datetime) -> str | None:
        """The code for the receipt; None where the bill earns nothing."""
        for campaign in self._shop.gifts:
            assert isinstance(campaign.settings, ConsumptionGift)
            if parts := campaign.settings.parts_for(paid_fen):
                return self._behind_a_link(campaign, parts, guest, bill_id, at)
        return None

    def _behind_a_link(
        self,
        campaign: Running,
        parts: tuple[str, ...],
        guest: Guest,
        bill_id: int,
        at: datetime,
    ) -> str:
        assert isinstance(campaign.settings, ConsumptionGift)
        until = claim_until(at, campaign.settings.claim_window, zone=self._shop.zone)
        scanned = at + timedelta(hours=self._chance.expovariate(1 / 12))
        over = min(until or self._now, self._now)
        claimed = self._chance.random() < 0.35 and scanned < over
        lapsed = not claimed and until is not None and until <= self._now
        state = GrantState.CLAIMED if claimed else GrantState.LAPSED if lapsed else GrantState.OPEN
        link = self._ledger.add(
            ClaimLink,
            code=secrets.token_hex(8),
            kind=ClaimLinkKind.RECEIPT.value,
            state=state.value,
            member_id=guest.id,
            bill_id=bill_id,
            made_for=f"bill-{bill_id}",
            points=0,
            created_at=at,
            claim_until=until,
            claimed_at=scanned if claimed else None,
            claimed_by_id=guest.id if claimed else None,
        )
        link_id = int(str(link["id"]))
        for place, part in enumerate(parts):
            grant = self._giving.grant(
                campaign,
                campaign.offers[part],
                guest,
                f"link-{link_id}-{place}",
                at,
                until=until,
                link_id=link_id,
            )
            if claimed:
                self._giving.claim(guest, grant, scanned)
            elif lapsed:
                grant["state"] = GrantState.LAPSED.value
                self._giving.take(grant, guest, -1)
            else:
                grant["state"] = GrantState.LINKED.value
        return links.address(str(link["code"]))
