"""A follow, an unfollow, a scan, a word: what each does once, in whatever order they come."""

import itertools
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import func, select

from backend import background, tenancy
from backend.campaigns.lifecycle import open_default_plan
from backend.coupons.models import Coupon
from backend.database import db, transaction
from backend.members import recognise
from backend.members.models import Identity, Member, WechatUser
from backend.merchants.models import Merchant
from backend.messaging.models import Consent
from backend.visits import completion, follow
from backend.visits.replies import SCAN_A_STORE
from backend.wechat import inbox
from backend.wechat.callbacks import Push
from backend.wechat.models import AppKind, CallbackInbox, WechatApp
from scripts.wechat_platform.server import Platform
from tests.builders import Shop, a_shop, reread
from tests.conftest import StillClock

SHARED = "wxsharedoa01"
_serial = itertools.count(1)


@dataclass(frozen=True)
class Standing:
    """How a person stands with a merchant."""

    follows: bool
    followings: int
    coupons: int


def a_push(
    app_id: str,
    kind: str,
    *,
    openid: str = "oAnna",
    at: int = 1000,
    key: str = "",
    text: str = "",
    is_event: bool = True,
) -> Push:
    return Push(
        app_id=app_id,
        openid=openid,
        account="gh_1",
        kind=kind,
        is_event=is_event,
        created_at=at,
        key=key,
        text=text,
        fields={},
        dedupe_key=f"push-{next(_serial)}",
        encrypted=False,
        as_json=False,
    )


def standing(shop: Shop, openid: str = "oAnna") -> Standing:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        member = db.session.scalars(
            select(Member)
            .join(Identity, Identity.member_id == Member.id)
            .join(WechatUser, WechatUser.id == Identity.wechat_user_id)
            .where(WechatUser.openid == openid)
        ).one_or_none()
        followings = db.session.scalar(
            select(func.count())
            .select_from(Identity)
            .where(Identity.followed_at.is_not(None), Identity.unfollowed_at.is_(None))
        )
        coupons = db.session.scalar(select(func.count()).select_from(Coupon))
        return Standing(bool(member and member.follows), followings or 0, coupons or 0)


def replies_of(shop: Shop, replies: dict[str, object]) -> None:
    with transaction():
        merchant = db.session.get_one(Merchant, shop.merchant_id)
        merchant.replies = replies  # type: ignore[assignment]


@pytest.fixture
def shop(wechat: Platform, clock: StillClock) -> Shop:
    """A shop with the default plan and its accounts at WeChat."""
    shop = a_shop()
    wechat.account(shop.oa, "official_account", f"secret-{shop.oa}", token=f"token-{shop.oa}")
    wechat.account(shop.mini, "miniprogram", f"secret-{shop.mini}", token=f"token-{shop.mini}")
    open_default_plan(shop.merchant_id, now=clock.at)
    return shop


@pytest.fixture
def guests(app: Flask, clock: StillClock) -> Iterator[tuple[Shop, Shop]]:
    """Two merchants that work through the operator's account."""
    shops = a_shop("guest-a", own_oa=False), a_shop("guest-b", own_oa=False)
    with transaction():
        db.session.add(
            WechatApp(app_id=SHARED, kind=AppKind.OFFICIAL_ACCOUNT, secret="s", token="t")
        )
    for each in shops:
        open_default_plan(each.merchant_id, now=clock.at)
    return shops


def test_a_follower_becomes_a_member_and_gets_the_new_customers_coupon(
    shop: Shop, clock: StillClock
) -> None:
    replies_of(shop, {"follow": {"text": "欢迎来到火锅店"}})
    reply = follow.receive(a_push(shop.oa, "subscribe"), now=clock.at)
    assert reply is not None and reply.startswith("欢迎来到火锅店\n您已获得：")
    assert standing(shop) == Standing(follows=True, followings=1, coupons=1)


def test_a_follow_through_a_stores_code_remembers_the_store(shop: Shop, clock: StillClock) -> None:
    key = f"qrscene_s:{shop.code}:{shop.store_code}"
    follow.receive(a_push(shop.oa, "subscribe", key=key), now=clock.at)
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Identity.store_id)).all() == [shop.store_id]
        assert db.session.scalars(select(Member.store_id)).all() == [shop.store_id]


@pytest.mark.parametrize("key", ["qrscene_s:nobody:s01", "qrscene_x", "last_trade_no_1", ""])
def test_on_an_own_account_any_scene_is_a_follow(shop: Shop, clock: StillClock, key: str) -> None:
    follow.receive(a_push(shop.oa, "subscribe", key=key), now=clock.at)
    assert standing(shop).follows


def test_a_repeat_answers_the_same_and_gives_nothing_more(shop: Shop, clock: StillClock) -> None:
    push = a_push(shop.oa, "subscribe")
    replies = [follow.receive(push, now=clock.at) for _ in range(3)]
    assert len(set(replies)) == 1
    assert standing(shop).coupons == 1
    assert db.session.scalar(select(func.count()).select_from(CallbackInbox)) == 1


def test_following_again_gives_nothing_again(shop: Shop, clock: StillClock) -> None:
    follow.receive(a_push(shop.oa, "subscribe", at=1), now=clock.at)
    follow.receive(a_push(shop.oa, "unsubscribe", at=2), now=clock.at)
    assert standing(shop) == Standing(follows=False, followings=0, coupons=1)
    reply = follow.receive(a_push(shop.oa, "subscribe", at=3), now=clock.at)
    assert reply is None
    assert standing(shop) == Standing(follows=True, followings=1, coupons=1)


def test_pushes_of_one_person_end_the_same_in_any_order(shop: Shop, clock: StillClock) -> None:
    chance = random.Random(3)
    for number in range(12):
        openid = f"oPerson{number}"
        kinds = [chance.choice(["subscribe", "unsubscribe", "scan"]) for _ in range(5)]
        pushes = [
            a_push(shop.oa, kind, openid=openid, at=at) for at, kind in enumerate(kinds, start=1)
        ]
        expected = kinds[-1] != "unsubscribe"
        chance.shuffle(pushes)
        for push in pushes:
            follow.receive(push, now=clock.at)
        assert standing(shop, openid).follows == expected, [(p.kind, p.created_at) for p in pushes]


def test_a_late_follow_push_gives_the_gift_though_the_person_has_left(
    shop: Shop, clock: StillClock
) -> None:
    follow.receive(a_push(shop.oa, "unsubscribe", at=9), now=clock.at)
    follow.receive(a_push(shop.oa, "subscribe", at=5), now=clock.at)
    assert standing(shop) == Standing(follows=False, followings=0, coupons=1)


def test_a_follow_and_a_scan_in_one_second_are_both_done(wechat: Platform, shop: Shop) -> None:
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    pushed = wechat.scan(anna, shop.oa, f"s:{shop.code}:{shop.store_code}")
    assert pushed is not None and pushed.status == 200
    kinds = db.session.scalars(select(CallbackInbox.kind).order_by(CallbackInbox.id)).all()
    assert kinds == ["subscribe", "scan"]


def test_on_a_shared_account_a_follow_without_a_store_grants_nothing(
    guests: tuple[Shop, Shop], clock: StillClock
) -> None:
    for key in ("", "qrscene_s:nobody:s01", "qrscene_other"):
        reply = follow.receive(a_push(SHARED, "subscribe", key=key), now=clock.at)
        assert reply == SCAN_A_STORE
    for shop in guests:
        assert standing(shop) == Standing(follows=False, followings=0, coupons=0)


def test_on_a_shared_account_each_scanned_store_is_a_follow_of_its_merchant(
    guests: tuple[Shop, Shop], clock: StillClock
) -> None:
    first, second = guests
    follow.receive(a_push(SHARED, "subscribe", key="qrscene_s:guest-a:s01", at=1), now=clock.at)
    assert standing(first) == Standing(follows=True, followings=1, coupons=1)
    assert standing(second) == Standing(follows=False, followings=0, coupons=0)

    reply = follow.receive(a_push(SHARED, "scan", key="s:guest-b:s01", at=2), now=clock.at)
    assert reply is not None and "您已获得" in reply
    assert standing(second) == Standing(follows=True, followings=1, coupons=1)

    assert follow.receive(a_push(SHARED, "scan", key="s:guest-b:s01", at=3), now=clock.at) is None
    assert standing(second).coupons == 1


def test_leaving_a_shared_account_ends_every_following(
    guests: tuple[Shop, Shop], clock: StillClock
) -> None:
    follow.receive(a_push(SHARED, "subscribe", key="qrscene_s:guest-a:s01", at=1), now=clock.at)
    follow.receive(a_push(SHARED, "scan", key="s:guest-b:s01", at=2), now=clock.at)
    follow.receive(a_push(SHARED, "unsubscribe", at=3), now=clock.at)
    for shop in guests:
        assert standing(shop) == Standing(follows=False, followings=0, coupons=1)


def test_a_late_unfollow_spares_what_was_followed_after_it(
    guests: tuple[Shop, Shop], clock: StillClock
) -> None:
    first, second = guests
    follow.receive(a_push(SHARED, "subscribe", key="qrscene_s:guest-a:s01", at=1), now=clock.at)
    follow.receive(a_push(SHARED, "subscribe", key="qrscene_s:guest-b:s01", at=3), now=clock.at)
    follow.receive(a_push(SHARED, "unsubscribe", at=2), now=clock.at)
    assert (standing(first).follows, standing(second).follows) == (False, True)


def test_whoever_follows_through_another_account_too_still_follows(
    shop: Shop, clock: StillClock
) -> None:
    follow.receive(a_push(shop.oa, "subscribe"), now=clock.at)
    with transaction():
        db.session.add(
            WechatApp(app_id=SHARED, kind=AppKind.OFFICIAL_ACCOUNT, secret="s", token="t")
        )
    key = f"qrscene_s:{shop.code}:s01"
    for app_id, scene in ((shop.oa, ""), (SHARED, key)):
        follow.receive(a_push(app_id, "subscribe", openid="oBoth", key=scene), now=clock.at)
    ids = member_ids(shop)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        shared = db.session.scalars(
            select(Identity)
            .join(WechatUser, WechatUser.id == Identity.wechat_user_id)
            .where(WechatUser.app_id == SHARED)
        ).one()
        shared.member_id = ids[0]
    follow.receive(a_push(shop.oa, "unsubscribe", at=2000), now=clock.at)
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Member.follows).where(Member.id == ids[0])).one()


def test_to_follow_is_no_contact(shop: Shop, clock: StillClock) -> None:
    follow.receive(a_push(shop.oa, "subscribe"), now=clock.at)
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Identity.interacted_at)).all() == [None]


@pytest.mark.parametrize(
    ("kind", "is_event"),
    [("text", False), ("image", False), ("click", True), ("view", True), ("scan", True)],
)
def test_any_contact_is_remembered(
    shop: Shop, clock: StillClock, kind: str, is_event: bool
) -> None:
    follow.receive(a_push(shop.oa, "subscribe"), now=clock.at)
    later = clock.at + timedelta(days=3)
    follow.receive(a_push(shop.oa, kind, is_event=is_event, at=2000), now=later)
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Identity.interacted_at)).all() == [later]


def test_a_contact_through_a_shared_account_counts_for_every_merchant(
    guests: tuple[Shop, Shop], clock: StillClock
) -> None:
    follow.receive(a_push(SHARED, "subscribe", key="qrscene_s:guest-a:s01", at=1), now=clock.at)
    follow.receive(a_push(SHARED, "scan", key="s:guest-b:s01", at=2), now=clock.at)
    later = clock.at + timedelta(days=3)
    follow.receive(a_push(SHARED, "view", at=3), now=later)
    with tenancy.across_merchants("the test looks at both"):
        assert db.session.scalars(select(Identity.interacted_at)).all() == [later, later]


WORDS = {
    "default": {"text": "默认"},
    "keywords": [
        {"match": "contains", "word": "领", "text": "含领"},
        {"match": "exact", "word": "领券", "text": "领券页"},
    ],
}


@pytest.mark.parametrize(
    ("said", "reply"),
    [("领券", "领券页"), (" 领券 ", "领券页"), ("我要领券", "含领"), ("在吗", "默认")],
)
def test_a_word_is_answered_by_the_nearest_keyword(
    shop: Shop, clock: StillClock, said: str, reply: str
) -> None:
    replies_of(shop, WORDS)
    push = a_push(shop.oa, "text", text=said, is_event=False)
    assert follow.receive(push, now=clock.at) == reply


def test_a_click_is_answered_by_its_keyword_only(shop: Shop, clock: StillClock) -> None:
    replies_of(shop, WORDS)
    assert follow.receive(a_push(shop.oa, "click", key="领券"), now=clock.at) == "领券页"
    assert follow.receive(a_push(shop.oa, "click", key="x"), now=clock.at) is None


def test_on_a_shared_account_the_merchant_followed_last_answers(
    guests: tuple[Shop, Shop], clock: StillClock
) -> None:
    for shop in guests:
        replies_of(shop, {"default": {"text": shop.code}})
    said = a_push(SHARED, "text", text="在吗", is_event=False)
    assert follow.receive(said, now=clock.at) == SCAN_A_STORE
    follow.receive(a_push(SHARED, "subscribe", key="qrscene_s:guest-a:s01", at=1), now=clock.at)
    clock.move_to("2026-11-23 09:00")
    follow.receive(a_push(SHARED, "scan", key="s:guest-b:s01", at=2), now=clock.at)
    said = a_push(SHARED, "text", text="在吗", is_event=False)
    assert follow.receive(said, now=clock.at) == "guest-b"


def test_an_accepted_subscription_is_one_consent(wechat: Platform, shop: Shop) -> None:
    anna = wechat.person()
    wechat.accept(anna, shop.mini, "TPL1")
    wechat.answer(anna, shop.mini, {"TPL2": "accept", "TPL3": "reject"})
    reread()
    rows = db.session.execute(select(Consent.template_id, Consent.remaining)).all()
    assert {(row.template_id, row.remaining) for row in rows} >= {("TPL1", 1), ("TPL2", 1)}


def test_an_event_nobody_knows_is_kept_and_ignored(shop: Shop, clock: StillClock) -> None:
    assert follow.receive(a_push(shop.oa, "poi_check_notify"), now=clock.at) is None
    assert db.session.scalars(select(CallbackInbox.state)).all() == ["ignored"]


def test_the_job_that_asks_for_the_unionid_is_queued_once_the_follow_is_stored(
    shop: Shop, clock: StillClock
) -> None:
    follow.receive(a_push(shop.oa, "subscribe"), now=clock.at)
    queue = Queue(background.PROMPT, connection=background.redis(), serializer=JSONSerializer)
    asked = [tuple(job.args) for job in queue.jobs if job.func_name == "jobs.followers.complete"]
    assert asked == [(db.session.scalars(select(WechatUser.id)).one(),)]


def test_a_follow_joins_the_member_who_logged_in_before(
    wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    anna = wechat.person()
    account = wechat.account(shop.mini, "miniprogram", f"secret-{shop.mini}")
    with tenancy.acting_for(shop.merchant_id):
        came = recognise.by_wechat(
            shop.mini,
            wechat.openid(anna, shop.mini),
            wechat.unionid(anna, account),
            channel="login",
            store_id=None,
            now=clock.at,
        )
    clock.move_to("2026-11-23 08:30")
    wechat.follow(anna, shop.oa)
    reread()
    (pending,) = completion.pending_completions(now=clock.at)
    completion.complete(pending, now=clock.at)
    reread()
    with tenancy.acting_for(shop.merchant_id):
        people = db.session.scalars(select(Member).where(Member.alias_of_id.is_(None))).all()
        assert [(person.id, person.follows) for person in people] == [(came.member.id, True)]
        owners = db.session.scalars(select(Coupon.member_id)).all()
        assert owners == [came.member.id]
    assert completion.pending_completions(now=clock.at) == []


def test_a_follower_is_asked_about_until_wechat_has_answered(
    wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    wechat.account(
        shop.oa,
        "official_account",
        f"secret-{shop.oa}",
        token=f"token-{shop.oa}",
        union_group=None,
    )
    wechat.follow(wechat.person(), shop.oa)
    reread()
    (pending,) = completion.pending_completions(now=clock.at)
    wechat.fail("/cgi-bin/user/info", status=502)
    completion.complete(pending, now=clock.at)
    assert completion.pending_completions(now=clock.at) == [pending]
    assert completion.complete_pending(now=clock.at) == 1
    completion.complete(pending, now=clock.at)
    assert completion.pending_completions(now=clock.at) == []


def member_ids(shop: Shop) -> list[int]:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return list(db.session.scalars(select(Member.id).order_by(Member.id)))


def test_pushes_are_forgotten_after_a_month(shop: Shop, clock: StillClock) -> None:
    follow.receive(a_push(shop.oa, "view"), now=clock.at)
    assert inbox.forget_old(now=clock.at + inbox.KEPT) == 0
    assert inbox.forget_old(now=clock.at + inbox.KEPT + timedelta(seconds=1)) == 1


@pytest.mark.parametrize("last", ["subscribe", "unsubscribe"])
def test_a_follow_and_an_unfollow_that_race_end_as_the_newer_says(
    app: Flask, shop: Shop, clock: StillClock, last: str
) -> None:
    first = "unsubscribe" if last == "subscribe" else "subscribe"
    for number in range(5):
        openid = f"oRace{number}"
        pushes = [
            a_push(shop.oa, kind, openid=openid, at=at) for at, kind in ((1, first), (2, last))
        ]
        together = threading.Barrier(2)

        def push(one: Push, together: threading.Barrier = together) -> None:
            with app.app_context():
                together.wait(10)
                follow.receive(one, now=clock.at)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(push, pushes))
        assert standing(shop, openid).follows == (last == "subscribe")
    assert standing(shop).coupons == 5
