"""What the merchant told its members in the past, by which road, and what became of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

from backend.messaging.models import (
    Attempt,
    Channel,
    Consent,
    ConsentEntry,
    Intent,
    IntentState,
    Outcome,
    Purpose,
)
from scripts.demo.guests import Guest
from scripts.demo.ledger import Ledger, Row
from scripts.demo.shop import Shop

USEFUL = timedelta(hours=24)
NO_ROAD = "没有可用的消息渠道"


class Letters:
    """Writes intents with their attempts, and the consents they use up."""

    def __init__(self, shop: Shop, ledger: Ledger, chance: Random, *, now: datetime) -> None:
        self._shop, self._ledger, self._chance, self.now = shop, ledger, chance, now
        self._message_id = 4_100_000_000

    def tell(
        self,
        guest: Guest,
        purpose: Purpose,
        facts: Mapping[str, object],
        *,
        key: str,
        at: datetime,
        wave_id: int | None = None,
    ) -> None:
        """One message about something that happened at ``at``."""
        intent = self._ledger.add(
            Intent,
            member_id=guest.id,
            purpose=purpose.value,
            facts=dict(facts),
            dedupe_key=key,
            state=(
                IntentState.UNREACHABLE if self.now < at + USEFUL else IntentState.EXPIRED
            ).value,
            queued_at=at,
            not_before=at,
            not_after=at + USEFUL,
            retry_at=None,
            tries=0,
            wave_id=wave_id,
            claim_token=None,
            lease_until=None,
            channel=None,
            failure=NO_ROAD,
            sent_at=None,
        )
        if channel := self._road(guest, purpose, intent, at):
            self._send(intent, purpose, channel, at)

    def allow(self, guest: Guest, purpose: Purpose, *, times: int, at: datetime) -> None:
        """允许订阅消息: so many messages of this purpose's template."""
        template = self._shop.letters.get((purpose, Channel.SUBSCRIBE))
        if guest.mini is None or template is None:
            return
        account = guest.consents.get(template.template_id)
        if account is None:
            account = guest.consents[template.template_id] = self._ledger.add(
                Consent,
                wechat_user_id=guest.mini["wechat_user_id"],
                template_id=template.template_id,
                remaining=0,
                banned=False,
            )
        for _ in range(times):
            self._move(account, 1, f"client:{at.isoformat()}-{account['remaining']}", at)

    def _road(self, guest: Guest, purpose: Purpose, intent: Row, at: datetime) -> Channel | None:
        subscribe = self._shop.letters.get((purpose, Channel.SUBSCRIBE))
        account = guest.consents.get(subscribe.template_id) if subscribe else None
        if account is not None and account["remaining"]:
            self._move(account, -1, f"intent-{intent['id']}", at)
            return Channel.SUBSCRIBE
        if (purpose, Channel.TEMPLATE) in self._shop.letters and guest.follows(at):
            return Channel.TEMPLATE
        return None

    def _send(self, intent: Row, purpose: Purpose, channel: Channel, at: datetime) -> None:
        template = self._shop.letters[purpose, channel]
        refused = channel is Channel.TEMPLATE and self._chance.random() < 0.012
        sent_at = min(at + timedelta(seconds=self._chance.uniform(1, 40)), self.now)
        self._message_id += self._chance.randint(1, 900)
        self._ledger.add(
            Attempt,
            intent_id=intent["id"],
            channel=channel.value,
            app_id=template.app_id,
            at=sent_at,
            outcome=(Outcome.UNREACHABLE if refused else Outcome.ACCEPTED).value,
            code="43101" if refused else "0",
            answer="user refuse to accept the msg" if refused else "ok",
            provider_id="" if refused else str(self._message_id),
        )
        intent["tries"] = 1
        if not refused:
            intent |= {
                "state": IntentState.SENT.value,
                "channel": channel.value,
                "failure": "",
                "sent_at": sent_at,
            }

    def _move(self, account: Row, change: int, cause: str, at: datetime) -> None:
        account["remaining"] = int(str(account["remaining"])) + change
        self._ledger.add(
            ConsentEntry,
            consent_id=account["id"],
            change=change,
            remaining=account["remaining"],
            cause=cause[:80],
            at=at,
        )
