"""积分兑换卡券, from the desk's form to the coupon in the card pack (S2 十: S2-29…S2-36)."""

from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members.models import Member, MemberLevel
from backend.points import ledger
from backend.reports import doctor
from jobs import upkeep
from scripts.wechat_platform.server import Platform
from tests.admin.desk import Visitor, at_desk
from tests.builders import Shop, a_template, reread
from tests.conftest import StillClock
from tests.journeys.customers import Customer, enters
from tests.journeys.forms import as_shown
from tests.journeys.shops import a_journeys_shop
from tests.miniprogram_api.pos.till import TillClient, till_of

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


class Mall:
    """A shop with three coupons that may be exchanged, and a member with 250 points."""

    def __init__(self, app: Flask, http: FlaskClient, wechat: Platform, clock: StillClock) -> None:
        self.shop: Shop = a_journeys_shop(wechat)
        self.clock, self.http, self.wechat = clock, http, wechat
        self.cash = a_template(self.shop, "cash", title="代金券10元", stock=5)
        self.off = a_template(
            self.shop, "off", kind="discount", rule={"rate_bp": 8500}, title="85折券"
        )
        self.fish = a_template(
            self.shop, "fish", kind="gift", rule={"dishes": ["D001"]}, title="送鱼香肉丝"
        )
        with tenancy.acting_for(self.shop.merchant_id):
            db.session.add(MemberLevel(position=1, name="银卡"))
            db.session.commit()
        self.desk: Visitor = at_desk(app, self.shop)
        self.till: TillClient = till_of(http, self.shop)
        self.person = wechat.person("小红", phone="18100004469")
        self.me: Customer = enters(http, wechat, self.shop, self.person)
        with tenancy.acting_for(self.shop.merchant_id):
            db.session.get_one(Member, self.me.member_id).phone = "18100004469"
            db.session.commit()
            ledger.earn(self.me.member_id, 250, cause="before", now=clock.at)

    def levels(self) -> tuple[int, int]:
        with tenancy.acting_for(self.shop.merchant_id):
            first, silver = db.session.scalars(
                select(MemberLevel.id).order_by(MemberLevel.position)
            )
            return first, silver

    def make_silver(self) -> None:
        with tenancy.acting_for(self.shop.merchant_id):
            db.session.get_one(Member, self.me.member_id).level_id = self.levels()[1]
            db.session.commit()

    def open(self, name: str = "积分换好礼", **form: object) -> None:
        """新建 → 保存并生效; unless the test says otherwise, 代金券 at 100 and 80 points."""
        first, silver = self.levels()
        path = "/admin/campaigns/new/?kind=points_exchange"
        content: dict[str, object] = {
            **as_shown(self.desk.read(path)),
            "name": name,
            "offer-template": "cash",
            f"offer-level-{first}": "100",
            f"offer-level-{silver}": "80",
            "then": "start",
            **form,
        }
        answer = self.desk.send(path, **content)
        assert answer.status_code == 302, answer.get_data(as_text=True)

    def offers_at_till(self) -> list[dict[str, Any]]:
        path = f"/pos/v1/exchanges?member_id={self.me.member_id}"
        answer = self.till.send("GET", path, b"")
        assert answer.status_code == 200, answer.get_json()
        items: list[dict[str, Any]] = answer.get_json()["items"]
        return items

    def offers(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.me.get("/api/v1/exchanges").get_json()["items"]
        return items

    def exchange(self, offer: dict[str, Any], **headers: str) -> Any:  # noqa: ANN401
        path = f"/api/v1/exchanges/{offer['campaign_id']}"
        return self.me.post(path, {"template_id": offer["template_id"]}, **headers)

    def exchange_at_till(self, offer: dict[str, Any], **headers: str) -> Any:  # noqa: ANN401
        body = {
            "member_id": self.me.member_id,
            "campaign_id": offer["campaign_id"],
            "template_id": offer["template_id"],
        }
        return self.till.post("/exchanges", body, **headers)

    def points(self) -> int:
        total: int = self.me.get("/api/v1/points").get_json()["total"]
        return total


@pytest.fixture
def mall(app: Flask, http: FlaskClient, wechat: Platform, clock: StillClock) -> Mall:
    return Mall(app, http, wechat, clock)


@pytest.fixture(autouse=True)
def sound(mall: Mall) -> Any:  # noqa: ANN401
    yield
    reread()
    assert [str(finding) for finding in doctor.check()] == []


def said(answer: Any) -> tuple[int, str, str]:  # noqa: ANN401
    return answer.status_code, answer.get_json()["code"], answer.get_json()["message"]


def test_S2_29_S2_30_S2_31_three_kinds_with_words_picture_and_prices(mall: Mall) -> None:
    first, silver = mall.levels()
    mall.open(
        **{
            "offer-template": ["cash", "off", "fish"],
            f"offer-level-{first}": ["100", "150", "60"],
            f"offer-level-{silver}": ["80", "150", "0"],
            "introduction": "积分当钱花",
            "picture": (BytesIO(PNG), "a.png"),
        }
    )
    offers = mall.offers()
    assert [(o["title"], o["points"], o["eligible"]) for o in offers] == [
        ("代金券10元", 100, True),
        ("85折券", 150, True),
        ("送鱼香肉丝", 60, True),
    ]
    assert {o["introduction"] for o in offers} == {"积分当钱花"}
    picture = offers[0]["picture"]
    assert picture.startswith("http://127.0.0.1:8000/pictures/")
    shown = mall.http.get(picture.removeprefix("http://127.0.0.1:8000"))
    assert shown.get_data() == PNG
    mall.make_silver()
    assert [(o["points"], o["eligible"]) for o in mall.offers()] == [
        (80, True),
        (150, True),
        (0, False),
    ]


def test_S2_32_find_the_member_choose_exchange_scan_claim(mall: Mall) -> None:
    mall.open()
    seen = mall.till.post("/members/identify", {"phone": "18100004469"}).get_json()
    assert seen["entries"]["exchange"] is True
    (offer,) = mall.offers_at_till()
    assert (offer["title"], offer["points"], offer["eligible"]) == ("代金券10元", 100, True)
    done = mall.exchange_at_till(offer)
    assert done.status_code == 201, done.get_json()
    told = done.get_json()
    assert (told["points"], told["points_total"]) == (100, 150)
    assert told["expires_at"] == "2026-11-30T00:00:00+08:00"
    assert told["svg"].startswith(("<svg", "<?xml"))
    assert mall.me.coupons() == []
    code = told["url"].rsplit("/", 1)[1]
    claimed = mall.me.post(f"/api/v1/claims/{code}", {})
    assert [c["title"] for c in claimed.get_json()["claimed"]] == ["代金券10元"]
    assert len(mall.me.coupons()) == 1
    assert said(mall.me.post(f"/api/v1/claims/{code}", {}))[:2] == (409, "ALREADY_CLAIMED")
    assert mall.points() == 150


def test_S2_32_the_next_login_collects_what_was_not_scanned(mall: Mall) -> None:
    mall.open()
    mall.exchange_at_till(mall.offers_at_till()[0])
    again = enters(mall.http, mall.wechat, mall.shop, mall.person)
    assert [coupon["title"] for coupon in again.answer["claimed"]] == ["代金券10元"]
    assert len(mall.me.coupons()) == 1


def test_S2_32_nobody_else_claims_it_and_in_the_end_the_points_come_back(mall: Mall) -> None:
    mall.open()
    url = mall.exchange_at_till(mall.offers_at_till()[0]).get_json()["url"]
    code = url.rsplit("/", 1)[1]
    stranger = enters(mall.http, mall.wechat, mall.shop, mall.wechat.person("路人"))
    assert said(stranger.post(f"/api/v1/claims/{code}", {}))[:2] == (404, "CLAIM_NOT_FOUND")
    mall.clock.move_to("2026-11-30 00:00")
    for _ in range(2):
        upkeep.tick.__wrapped__()  # type: ignore[attr-defined]
    assert mall.points() == 250
    assert said(mall.me.post(f"/api/v1/claims/{code}", {}))[1] == "CLAIM_LAPSED"
    lines = mall.me.get("/api/v1/points").get_json()["items"]
    assert [(line["points"], line["cause"]) for line in lines] == [
        (100, "兑换未领取退回"),
        (-100, "积分兑换"),
        (250, "获得积分"),
    ]


def test_S2_33_S2_34_several_campaigns_open_the_points_mall(mall: Mall) -> None:
    entries = mall.till.post("/members/identify", {"phone": "18100004469"}).get_json()["entries"]
    assert (entries["exchange"], mall.offers(), mall.offers_at_till()) == (False, [], [])
    mall.open("第一期")
    mall.open("第二期", **{"offer-template": "off"})
    entries = mall.till.post("/members/identify", {"phone": "18100004469"}).get_json()["entries"]
    assert entries["exchange"] is True
    assert [(o["campaign"], o["title"]) for o in mall.offers_at_till()] == [
        ("第一期", "代金券10元"),
        ("第二期", "85折券"),
    ]


def test_S2_35_too_few_points_exchange_nothing(mall: Mall) -> None:
    mall.open()
    (offer,) = mall.offers()
    for _ in range(2):
        done = mall.exchange(offer)
        assert (done.status_code, done.get_json()["title"]) == (200, "代金券10元")
    (offer,) = mall.offers()
    assert (offer["eligible"], offer["reason"]) == (False, "积分不足，还差50积分")
    refused = (422, "POINTS_INSUFFICIENT", "积分不足，还差50积分")
    assert said(mall.exchange(offer)) == said(mall.exchange_at_till(offer)) == refused
    assert (mall.points(), len(mall.me.coupons())) == (50, 2)


def test_S2_36_a_price_of_nought_shuts_the_level_out(mall: Mall) -> None:
    mall.open(**{f"offer-level-{mall.levels()[1]}": "0"})
    mall.make_silver()
    (offer,) = mall.offers_at_till()
    assert (offer["points"], offer["eligible"]) == (0, False)
    refused = (422, "LEVEL_NOT_ELIGIBLE", "会员等级不符合兑换条件")
    assert said(mall.exchange(offer)) == said(mall.exchange_at_till(offer)) == refused
    assert mall.points() == 250


def test_a_repeat_under_the_same_key_has_one_effect(mall: Mall) -> None:
    mall.open()
    (offer,) = mall.offers()
    first = mall.exchange(offer, **{"Idempotency-Key": "one"}).get_json()
    assert mall.exchange(offer, **{"Idempotency-Key": "one"}).get_json() == first
    told = mall.exchange_at_till(offer, **{"Idempotency-Key": "two"}).get_json()
    assert mall.exchange_at_till(offer, **{"Idempotency-Key": "two"}).get_json() == told
    assert mall.points() == 50


def test_sold_out_and_unknown_things_are_refused(mall: Mall) -> None:
    with tenancy.acting_for(mall.shop.merchant_id):
        ledger.earn(mall.me.member_id, 1000, cause="more", now=mall.clock.at)
    mall.open()
    (offer,) = mall.offers()
    for _ in range(5):
        assert mall.exchange(offer).status_code == 200
    assert said(mall.exchange(offer)) == (409, "SOLD_OUT", "来晚啦，已被领完")
    assert mall.offers()[0]["reason"] == "来晚啦，已被领完"
    for strange in ({"template_id": 10**9}, {"campaign_id": 10**9}):
        assert mall.exchange({**offer, **strange}).status_code == 404
        assert mall.exchange_at_till({**offer, **strange}).status_code == 404
    assert mall.me.post("/api/v1/exchanges/x", {"template_id": 1}).status_code == 404
    path = "/pos/v1/exchanges?member_id="
    assert mall.till.send("GET", path, b"").status_code == 400
    assert mall.till.send("GET", path + "999999999", b"").status_code == 404
