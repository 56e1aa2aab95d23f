"""What a test needs to exist, saying only what matters to it. Rows are written directly; every
builder acts for the merchant it is given (default: the one made last)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count

from pydantic import JsonValue
from sqlalchemy import select

from backend import clock, tenancy
from backend.coupons.models import CouponTemplate, TemplateRevision
from backend.database import db, transaction
from backend.members.models import CustomerClass, Identity, Member, MemberLevel, WechatUser
from backend.merchants.models import Merchant, PosKey, Store, Subscription
from backend.wechat.models import AppKind, PayAccount, WechatApp
from scripts.wechat_platform.pay_accounts import PayCredentials

_numbers = count(1)


@dataclass(frozen=True)
class Shop:
    """A merchant ready for business: its ids, apps and one till key."""

    merchant_id: int
    code: str
    store_id: int
    store_code: str
    oa: str
    mini: str
    pos_key: str
    pos_secret: str


def a_shop(code: str | None = None, *, subscribed: bool = True, own_oa: bool = True) -> Shop:
    """商家 with one store (``s01`` 皇岗), a mini-program, an OA, a first level and a till key."""
    n = next(_numbers)
    code = code or f"shop{n}"
    now = clock.now()
    with transaction(), tenancy.across_merchants("a test builds a merchant"):
        merchant = Merchant(code=code, name=f"{code}火锅", created_at=now)
        db.session.add(merchant)
        db.session.flush()
        store = Store(merchant_id=merchant.id, code="s01", name="皇岗")
        db.session.add(store)
        db.session.flush()
        apps = {AppKind.MINIPROGRAM: f"wxmini{n:08d}", AppKind.OFFICIAL_ACCOUNT: f"wxoa{n:08d}"}
        for kind, app_id in apps.items():
            if kind is AppKind.MINIPROGRAM or own_oa:
                db.session.add(
                    WechatApp(
                        merchant_id=merchant.id,
                        app_id=app_id,
                        kind=kind,
                        secret=f"secret-{app_id}",
                        token=f"token-{app_id}",
                    )
                )
        if subscribed:
            db.session.add(
                Subscription(
                    merchant_id=merchant.id,
                    starts_on=date(2026, 1, 1),
                    ends_on=date(2027, 12, 31),
                )
            )
        db.session.add(MemberLevel(merchant_id=merchant.id, position=0, name="普通会员"))
        db.session.add(
            PosKey(merchant_id=merchant.id, store_id=store.id, key=f"k-{code}", secret=f"p-{code}")
        )
        db.session.flush()
        return Shop(
            merchant_id=merchant.id,
            code=code,
            store_id=store.id,
            store_code=store.code,
            oa=apps[AppKind.OFFICIAL_ACCOUNT],
            mini=apps[AppKind.MINIPROGRAM],
            pos_key=f"k-{code}",
            pos_secret=f"p-{code}",
        )


def a_store(shop: Shop, code: str, name: str) -> int:
    """门店."""
    with transaction(), tenancy.acting_for(shop.merchant_id):
        store = Store(code=code, name=name)
        db.session.add(store)
        db.session.flush()
        return store.id


def a_member(
    shop: Shop,
    *,
    phone: str | None = None,
    nickname: str = "",
    consumptions: int = 0,
    follows: bool = False,
    registered_at: datetime | None = None,
    joined_at: datetime | None = None,
) -> int:
    """会员 with so many settled bills behind them; ``follows`` gives an OA identity too."""
    now = clock.now()
    kinds = (CustomerClass.NEW, CustomerClass.ORDINARY, CustomerClass.LOYAL)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        level = db.session.scalars(select(MemberLevel).where(MemberLevel.position == 0)).first()
        member = Member(
            phone=phone,
            nickname=nickname,
            joined_at=joined_at or now,
            registered_at=registered_at or (now if phone else None),
            level_id=level.id if level else None,
            customer_class=kinds[min(consumptions, 2)],
            consumption_count=consumptions,
            follows=follows,
        )
        db.session.add(member)
        db.session.flush()
        if follows:
            user = WechatUser(app_id=shop.oa, openid=f"o{member.id:027d}", created_at=now)
            db.session.add(user)
            db.session.flush()
            db.session.add(
                Identity(
                    member_id=member.id,
                    wechat_user_id=user.id,
                    followed_at=now - timedelta(days=30),
                )
            )
        return member.id


def a_template(
    shop: Shop,
    code: str | None = None,
    *,
    kind: str = "cash",
    rule: dict[str, JsonValue] | None = None,
    minimum_fen: int = 0,
    days: int = 30,
    after_days: int = 0,
    stores: list[JsonValue] | None = None,
    scope: dict[str, JsonValue] | None = None,
    hours: dict[str, JsonValue] | None = None,
    stock: int | None = None,
    per_member: int | None = None,
    title: str | None = None,
    combine: dict[str, JsonValue] | None = None,
    max_per_bill: int = 1,
) -> int:
    """券模板 with its first revision."""
    code = code or f"t{next(_numbers)}"
    now = clock.now()
    with transaction(), tenancy.acting_for(shop.merchant_id):
        template = CouponTemplate(
            code=code,
            title=title or code,
            kind=kind,
            stores=stores,
            stock=stock,
            per_member=per_member,
            created_at=now,
        )
        db.session.add(template)
        db.session.flush()
        revision = TemplateRevision(
            template_id=template.id,
            number=1,
            title=template.title,
            kind=kind,
            rule=rule or {"value_fen": 1000},
            minimum_fen=minimum_fen,
            scope=scope or {"dishes": [], "categories": []},
            stores=stores,
            hours=hours or {"weekdays": [], "hours": []},
            validity={"days": days, "after_days": after_days},
            combine=combine or {},
            max_per_bill=max_per_bill,
            created_at=now,
        )
        db.session.add(revision)
        db.session.flush()
        template.revision_id = revision.id
        return template.id


def reread() -> None:
    """Forget what this session has read: another request has written since."""
    db.session.rollback()
    db.session.expunge_all()


def utc(words: str) -> datetime:
    """``utc("2026-11-23 01:00")``."""
    return datetime.fromisoformat(words).replace(tzinfo=UTC)


def a_pay_account(shop: Shop, credentials: PayCredentials, *, active: bool = True) -> None:
    """商户号 of this shop, as WeChat Pay (``wechat.pay_account``) gave it."""
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.add(PayAccount(**vars(credentials), active=active))
