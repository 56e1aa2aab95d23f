"""积分规则: set up at the desk, effective at once, felt at the till (S2 六–九: S2-17…S2-28)."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend import tenancy
from backend.database import db
from backend.members import cards
from backend.members.models import Member, MemberLevel
from backend.merchants.models import Merchant
from backend.reports import doctor
from tests.admin.desk import Visitor, at_desk
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock
from tests.journeys.forms import as_shown
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of


class House:
    """A shop with 普通会员 and 银卡, its desk, its till and a member who pays 284 元."""

    def __init__(self, app: Flask, http: FlaskClient, clock: StillClock) -> None:
        self.shop: Shop = a_shop()
        self.clock = clock
        self.till: TillClient = till_of(http, self.shop)
        self.desk: Visitor = at_desk(app, self.shop)
        self.member = a_member(self.shop, phone="18100004469")
        self._bills = 0

    def silver(self) -> int:
        """银卡 exists; its id."""
        with tenancy.acting_for(self.shop.merchant_id):
            level = MemberLevel(position=1, name="银卡")
            db.session.add(level)
            db.session.commit()
            return level.id

    def give(self, level_id: int) -> None:
        with tenancy.acting_for(self.shop.merchant_id):
            db.session.get_one(Member, self.member).level_id = level_id
            db.session.commit()

    def save(self, kind: str, **form: object) -> None:
        """新建 → 保存并生效."""
        path = f"/admin/campaigns/new/?kind={kind}"
        shown: dict[str, object] = {**as_shown(self.desk.read(path)), "then": "start", **form}
        answer = self.desk.send(path, **shown)
        assert answer.status_code == 302, answer.get_data(as_text=True)

    def pays(self, yuan: int = 284, **more: Any) -> int:  # noqa: ANN401
        """结账; 本次积分."""
        self._bills += 1
        bill = a_bill(
            a_dish(yuan=yuan),
            settled_at=self.clock.at.isoformat(),
            opened_at=None,
            **{"member_id": self.member, **more},
        )
        done = self.till.post(f"/bills/B{self._bills}/settle", bill)
        assert done.status_code == 201, done.json
        earned: int = done.json["points_earned"]
        return earned

    def identify(self) -> dict[str, Any]:
        return dict(self.till.post("/members/identify", {"phone": "18100004469"}).get_json())


@pytest.fixture
def house(app: Flask, http: FlaskClient, clock: StillClock) -> House:
    return House(app, http, clock)


@pytest.fixture(autouse=True)
def sound(house: House) -> Any:  # noqa: ANN401
    yield
    reread()
    assert [str(finding) for finding in doctor.check()] == []


def test_S2_17_two_boxes_decide_what_the_till_offers(house: House) -> None:
    def offered() -> tuple[bool, bool]:
        manual = house.identify()["entries"]["manual"]
        return manual["add"], manual["subtract"]

    def change(points: int) -> tuple[int, dict[str, Any]]:
        body = {"member_id": house.member, "points": points, "reason": "补录"}
        answer = house.till.post("/points", body)
        return answer.status_code, dict(answer.get_json())

    assert offered() == (False, False)
    house.save("manual_points", add="y")
    assert offered() == (True, False)
    assert change(50) == (200, {"points_total": 50})
    refused = change(-20)
    assert (refused[0], refused[1]["message"]) == (403, "未开启手动扣减积分")
    path = house.desk.open("/admin/campaigns/new/?kind=manual_points").headers["Location"]
    house.desk.read(path)
    house.desk.send(path, name="手动增减积分", add="y", subtract="y")
    assert offered() == (True, True)
    assert change(-20) == (200, {"points_total": 30})


def test_S2_18_registering_credits_the_points_of_the_campaign(house: House) -> None:
    with tenancy.acting_for(house.shop.merchant_id):
        db.session.get_one(Merchant, house.shop.merchant_id).registration = "login"
        db.session.commit()
    house.save("registration_points", points="50")
    member = a_member(house.shop)
    with tenancy.acting_for(house.shop.merchant_id):
        cards.bind("C1", member_id=member, actor="test", now=house.clock.at)
    for _ in range(2):
        seen = house.till.post("/members/identify", {"card": "C1"}).get_json()
        assert seen["member"]["points"] == 50


def test_S2_19_the_first_visit_creates_and_later_ones_edit(house: House) -> None:
    path = "/admin/campaigns/new/?kind=registration_points"
    assert "新建注册送积分" in house.desk.read(path)
    house.save("registration_points", points="50")
    edit = house.desk.open(path).headers["Location"]
    assert "编辑注册送积分" in house.desk.read(edit)
    house.desk.send(edit, name="注册送积分", points="60")
    assert "60 积分" in house.desk.read(edit.replace("edit", "details"))


def test_S2_20_S2_25_a_rule_is_effective_as_soon_as_it_is_saved(house: House) -> None:
    assert house.pays() == 0
    house.save("consumption_points", per="1", points="1")
    assert house.pays() == 284


def test_S2_21_there_is_no_other_page_for_points_rules(house: House) -> None:
    menu = house.desk.read("/admin/campaigns/")
    assert "积分规则" not in menu
    assert "消费送积分" in house.desk.read("/admin/campaigns/new/")


def test_S2_22_every_bill_with_a_known_member_counts(house: House) -> None:
    house.save("consumption_points", per="1", points="1")
    assert house.pays() == 284
    assert house.pays(member_id=None) == 0


def test_S2_23_levels_have_rules_of_their_own(house: House) -> None:
    silver = house.silver()
    rule = {f"level-{silver}-per": "1", f"level-{silver}-number": "2"}
    house.save("consumption_points", per="1", points="1", scope="levels", **rule)
    assert house.pays() == 284
    house.give(silver)
    assert house.pays() == 568


def test_S2_24_S2_28_without_levels_one_rule_and_one_multiple_hold_for_all(house: House) -> None:
    for kind in ("consumption_points", "holiday_points"):
        assert "按会员等级设置" not in house.desk.read(f"/admin/campaigns/new/?kind={kind}")
    house.save("consumption_points", per="10", points="1")
    house.save("holiday_points", mode="weekdays", weekdays="1", times="3")
    assert house.clock.at.isoweekday() == 1
    assert house.pays() == 28 * 3


def test_S2_26_stretches_of_days_at_most_ten(house: House) -> None:
    house.save("consumption_points", per="1", points="1")
    days = ["2026-11-23 至 2026-11-24", "2026-12-01 至 2026-12-03"]
    house.save("holiday_points", mode="ranges", range=days, times="2")
    earned = []
    for moment in ("2026-11-24 23:59", "2026-11-25 00:00", "2026-12-03 12:00", "2026-12-04 00:00"):
        house.clock.move_to(moment)
        earned.append(house.pays())
    assert earned == [568, 284, 568, 284]
    path = "/admin/campaigns/new/?kind=holiday_points"
    eleven = {"name": "太多", "mode": "ranges", "times": "2", "then": "start"}
    many = [f"2027-01-{day:02}" for day in range(1, 12)]
    house.desk.read(path)
    refused = house.desk.send(path, range=many, **eleven)
    assert refused.status_code == 422
    assert "最多10项" in refused.get_data(as_text=True)


def test_S2_27_S2_28_a_members_day_every_week_with_a_multiple_per_level(house: House) -> None:
    silver = house.silver()
    house.save("consumption_points", per="1", points="1")
    form = {"mode": "weekdays", "weekdays": "3", "scope": "levels", f"level-{silver}-number": "3"}
    house.save("holiday_points", **form)
    house.clock.move_to("2026-11-25 12:00")
    assert house.pays() == 284
    house.give(silver)
    assert house.pays() == 284 * 3
    house.clock.move_to("2026-11-26 12:00")
    assert house.pays() == 284
