"""The demo merchant as the set-up file has just made it, and its opening moved into the past."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from backend.campaigns import offers, programmes
from backend.campaigns.kinds.registration_points import RegistrationPoints
from backend.campaigns.kinds.settings import CampaignSettings
from backend.campaigns.models import Campaign, CampaignKind, CampaignRun, CampaignState
from backend.campaigns.offers import CurrentOffer
from backend.campaigns.programmes import WAVE_KINDS
from backend.coupons.kinds import CouponKind, parse_rule
from backend.coupons.models import CouponTemplate, TemplateRevision
from backend.coupons.terms import Combine, Scope, UseHours
from backend.database import changed, db, table_of
from backend.members.models import MemberLevel
from backend.merchants import audit
from backend.merchants.models import AuditEntry, Merchant, PosKey, Staff, Store
from backend.merchants.queries import Place, place
from backend.messaging.models import Channel, MessageTemplate, Purpose
from backend.vouchers.models import MallShop
from backend.wechat.models import AppKind, WechatApp


@dataclass(frozen=True)
class Running:
    """A campaign that runs: what it needs and what each of its parts gives."""

    id: int
    online_activity: bool
    settings: CampaignSettings
    offers: dict[str, CurrentOffer]


@dataclass(frozen=True)
class Till:
    """A store and the name under which its till redeems."""

    place: Place
    name: str


@dataclass(frozen=True)
class Shop:
    """What the past is lived with."""

    merchant: Merchant
    zone: ZoneInfo
    tills: list[Till]
    levels: list[MemberLevel]
    campaigns: list[Running]
    gifts: list[Running]
    registration_points: int
    terms: dict[int, dict[str, object]]
    oa: str | None
    mini: str | None
    letters: dict[tuple[Purpose, Channel], MessageTemplate]


def read(merchant: Merchant) -> Shop:
    """The shop as it stands."""
    apps = {
        AppKind(app.kind): app.app_id
        for app in db.session.scalars(
            select(WechatApp).where(
                (WechatApp.merchant_id == merchant.id) | WechatApp.merchant_id.is_(None)
            )
        )
    }
    return Shop(
        merchant=merchant,
        zone=ZoneInfo(merchant.zone),
        tills=_tills(),
        levels=list(db.session.scalars(select(MemberLevel).order_by(MemberLevel.position))),
        campaigns=_running(WAVE_KINDS),
        gifts=_running([CampaignKind.CONSUMPTION_GIFT]),
        registration_points=sum(
            each.settings.points
            for each in _running([CampaignKind.REGISTRATION_POINTS])
            if isinstance(each.settings, RegistrationPoints)
        ),
        terms=_terms(),
        oa=apps.get(AppKind.OFFICIAL_ACCOUNT),
        mini=apps.get(AppKind.MINIPROGRAM),
        letters={
            (Purpose(row.purpose), Channel(row.channel)): row
            for row in db.session.scalars(select(MessageTemplate).where(MessageTemplate.active))
        },
    )


def open_since(merchant: Merchant, *, opened_at: datetime, campaigns_at: datetime) -> None:
    """开业. What was made just now was made then; campaigns run as they were planned later."""
    mine = merchant.id
    merchants, campaigns, runs = table_of(Merchant), table_of(Campaign), table_of(CampaignRun)
    changed(update(merchants).where(merchants.c.id == mine).values(created_at=opened_at))
    shops = table_of(MallShop)
    changed(update(shops).where(shops.c.merchant_id == mine).values(bound_at=campaigns_at))
    log = table_of(AuditEntry)
    for row in db.session.connection().execute(select(log).where(log.c.merchant_id == mine)).all():
        entry = {**row._mapping, "at": opened_at}
        moved = update(log).where(log.c.id == row.id)
        changed(moved.values(at=opened_at, seal=audit.seal_of(entry)))
    for model in (Staff, CouponTemplate, TemplateRevision):
        table = table_of(model)
        changed(update(table).where(table.c.merchant_id == mine).values(created_at=opened_at))
    changed(update(campaigns).where(campaigns.c.merchant_id == mine).values(created_at=opened_at))
    changed(
        update(campaigns)
        .where(campaigns.c.merchant_id == mine, campaigns.c.first_started_at.is_not(None))
        .values(first_started_at=campaigns_at, edited_at=campaigns_at)
    )
    changed(update(runs).where(runs.c.merchant_id == mine).values(started_at=campaigns_at))
    db.session.expire_all()


def _tills() -> list[Till]:
    rows = db.session.execute(
        select(Store.code, PosKey.key)
        .join(PosKey, PosKey.store_id == Store.id)
        .where(Store.active, PosKey.active)
        .order_by(Store.id)
    )
    return [Till(place(code), f"till {key}") for code, key in rows]


def _running(of: Collection[CampaignKind]) -> list[Running]:
    """The campaigns of these kinds that run."""
    found = []
    for campaign in db.session.scalars(
        select(Campaign)
        .where(Campaign.state == CampaignState.RUNNING, Campaign.kind.in_(of))
        .order_by(Campaign.id)
    ):
        settings = programmes.parse(campaign.kind, campaign.settings)
        current = {part: offers.current(campaign.id, part) for part in settings.coupons}
        found.append(
            Running(
                id=campaign.id,
                online_activity=campaign.online_activity,
                settings=settings,
                offers={
                    part: offers.persist(offer)
                    for part, offer in current.items()
                    if offer is not None
                },
            )
        )
    return found


def _terms() -> dict[int, dict[str, object]]:
    """What a coupon of each revision promises, but for its number and window."""
    return {
        row.id: {
            "title": row.title,
            "kind": CouponKind(row.kind),
            "rule": parse_rule(CouponKind(row.kind), row.rule),
            "minimum_fen": row.minimum_fen,
            "scope": Scope.model_validate(row.scope),
            "stores": "all" if row.stores is None else frozenset(map(str, row.stores)),
            "hours": UseHours.model_validate(row.hours),
            "combine": Combine.model_validate(row.combine),
            "max_per_bill": row.max_per_bill,
        }
        for row in db.session.scalars(select(TemplateRevision))
    }
