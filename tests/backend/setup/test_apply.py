"""设置文件: applied once, applied again, applied in part, refused."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from backend import clock, models, tenancy
from backend.campaigns.models import AudienceMember, Campaign, CampaignRun
from backend.coupons.models import CouponTemplate, TemplateRevision
from backend.database import Model, db, transaction
from backend.members.models import Member, MemberLevel
from backend.merchants import staff
from backend.merchants.models import AuditEntry, Merchant, PosKey, Staff, Store, Subscription
from backend.setup.apply import Applied, apply
from backend.setup.export import export
from backend.setup.problems import SetupRefused
from backend.setup.reading import read
from backend.vouchers.models import MallShop
from backend.wechat.models import WechatApp
from tests.builders import reread

DEMO = Path(__file__).parents[3] / "scripts" / "demo" / "setup.yaml"
models.load_all()

SMALL = """
merchants:
  - code: xinghuo
    name: 星火火锅
    subscription: {from: 2026-01-01, to: 2027-12-31}
    points: {per_yuan: 100, max_bp: 5000, expiry: none}
    wechat:
      - {app_id: wxmini0001, kind: miniprogram, secret: s1}
    stores:
      - {code: s01, name: 皇岗, phone: 0755-83021688, pos: {key: k01, secret: p01}}
      - {code: s02, name: 车公庙}
    staff:
      - {login: boss, password: "k7mq-x3vd2", role: owner}
      - {login: chef, password: "another-one-1", role: store_manager, stores: [s01]}
    levels:
      - {name: 普通会员}
      - {name: 银卡, upgrade: {amount_fen: 100000, times: 10}, discount_bp: 9500}
    templates:
      - {code: t300, kind: every_full, title: 每满300减100,
         rule: {threshold_fen: 30000, reduce_fen: 10000}, validity: {days: 30, after_days: 0},
         stores: [s01], giftable: true, stock: 1000, weekdays: [1, 2], hours: ["11:00-14:00"]}
    campaigns:
      - {code: welcome, kind: class_marketing, state: running,
         parts: {new: {on: true, coupons: [{template: t300, quantity: 2}]}}}
    messages:
      - {purpose: coupons_waiting, channel: subscribe, app_id: wxmini0001, template_id: TPL1,
         page: pages/coupons, fields: {thing1: title, date2: valid_to}}
    message_rules: {quiet: ["21:30", "08:30"], weekly_cap: 3, expiring: {days: 3, on: false}}
    replies: {follow: {text: 欢迎}, keywords: [{match: exact, word: 领券, text: 这里}]}
    menu: [{name: 我的券, type: view, url: "https://example.com/"}]
"""


def _apply(text: str) -> Applied:
    applied = apply(read(text), now=clock.now())
    reread()
    return applied


def _refused(text: str) -> list[str]:
    with pytest.raises(SetupRefused) as refused:
        _apply(text)
    reread()
    return [str(problem) for problem in refused.value.problems]


def _rows() -> dict[str, int]:
    with tenancy.across_merchants("a test counts"):
        return {
            table.name: db.session.scalar(select(func.count()).select_from(table)) or 0
            for table in Model.metadata.sorted_tables
        }


def _all(model: type[Model]) -> list[Model]:
    with tenancy.across_merchants("a test looks"):
        return list(db.session.scalars(select(model)))


def _one(model: type[Model], **values: object) -> Model:
    with tenancy.across_merchants("a test looks"):
        return db.session.scalars(select(model).filter_by(**values)).one()


def test_a_file_makes_everything_it_names(app: Flask) -> None:
    _apply(SMALL)
    rows = _rows()
    expected = {
        "merchant": 1, "subscription": 1, "wechat_app": 1, "store": 2, "pos_key": 1, "staff": 2,
        "member_level": 2, "coupon_template": 1, "template_revision": 1, "campaign": 1,
        "campaign_run": 1, "message_template": 1,
    }  # fmt: skip
    assert {name: rows[name] for name in expected} == expected
    key, wechat = _one(PosKey), _one(WechatApp)
    assert isinstance(key, PosKey) and isinstance(wechat, WechatApp)
    assert (key.key, key.secret, wechat.secret) == ("k01", "p01", "s1")
    _, boss = staff.sign_in("boss", "k7mq-x3vd2", origin="", now=clock.now())
    assert (boss.role, boss.stores) == ("owner", None)


@pytest.mark.parametrize("file", [SMALL, DEMO.read_text()], ids=["small", "demo"])
def test_a_second_time_changes_nothing(app: Flask, file: str) -> None:
    assert _apply(file).made
    before = _rows()
    again = _apply(file)
    assert (again.made, again.changed, again.logins) == ([], [], [])
    assert _rows() == before


def test_the_demo_gives_each_of_its_people_a_random_password_once(app: Flask) -> None:
    logins = {login.login: login.password for login in _apply(DEMO.read_text()).logins}
    assert set(logins) == {
        "operator",
        *(f"{who}@xinghuo" for who in ("boss", "marketing", "manager", "cashier", "readonly")),
    }
    for login, password in logins.items():
        assert staff.sign_in(login, password, origin="", now=clock.now())[1].active


def test_what_a_later_file_does_not_name_is_left_alone(app: Flask) -> None:
    _apply(SMALL)
    before = _rows()
    applied = _apply(
        "merchants: [{code: xinghuo, phone: '1', stores: [{code: s01, hours: 10:00-22:00}],"
        " templates: [{code: t300, minimum_fen: 100}], campaigns: [{code: welcome, tags: [拉新]}]}]"
    )
    assert applied.made == []
    assert applied.changed == [
        "xinghuo merchant xinghuo",
        "xinghuo store s01",
        "xinghuo template t300",
        "xinghuo campaign welcome",
    ]
    merchant, store = _one(Merchant), _one(Store, code="s01")
    assert isinstance(merchant, Merchant) and isinstance(store, Store)
    assert (merchant.name, merchant.phone) == ("星火火锅", "1")
    assert (store.name, store.phone, store.hours) == ("皇岗", "0755-83021688", "10:00-22:00")
    campaign, revision = _one(Campaign), _one(TemplateRevision, number=2)
    assert isinstance(campaign, Campaign) and isinstance(revision, TemplateRevision)
    assert campaign.settings["parts"]["new"]["coupons"] == [{"template": "t300", "quantity": 2}]  # type: ignore[call-overload,index]
    assert revision.rule == {"threshold_fen": 30000, "reduce_fen": 10000}
    assert (revision.stores, revision.hours["weekdays"]) == (["s01"], [1, 2])
    after = _rows()
    assert {name for name in after if after[name] != before[name]} == {
        "template_revision",
        "audit_entry",
    }


def test_changes_stand_in_the_log_with_before_and_after_but_without_secrets(app: Flask) -> None:
    _apply(SMALL)
    _apply(
        "merchants: [{code: xinghuo, stores: [{code: s01, phone: '2',"
        " pos: {key: k01, secret: p02}}]}]"
    )
    entries = [
        (entry.subject, entry.before, entry.after)
        for entry in db.session.scalars(
            select(AuditEntry).where(AuditEntry.action == "setup.change")
        )
    ]
    assert entries == [
        ("store s01", {"phone": "0755-83021688"}, {"phone": "2"}),
        ("pos key k01", {"secret": "***"}, {"secret": "***"}),
    ]


def test_a_password_is_set_only_when_the_person_is_made(app: Flask) -> None:
    _apply(SMALL)
    _apply(SMALL.replace("k7mq-x3vd2", "quite-another-1"))
    assert staff.sign_in("boss", "k7mq-x3vd2", origin="", now=clock.now())


def test_a_person_who_leaves_and_a_store_that_closes_are_named(app: Flask) -> None:
    _apply(SMALL)
    _apply(
        "merchants: [{code: xinghuo, staff: [{login: chef, active: false, stores: null}],"
        " stores: [{code: s02, active: false}]}]"
    )
    chef, store = _one(Staff, login="chef"), _one(Store, code="s02")
    assert isinstance(chef, Staff) and isinstance(store, Store)
    assert (chef.active, chef.stores, store.active) == (False, None, False)


def test_a_campaign_moves_to_the_state_that_is_named(app: Flask) -> None:
    _apply(SMALL)
    states = []
    for state in ("paused", "running", "running", "ended", "ended"):
        _apply(f"merchants: [{{code: xinghuo, campaigns: [{{code: welcome, state: {state}}}]}}]")
        campaign = _one(Campaign)
        assert isinstance(campaign, Campaign)
        states.append((campaign.state, len(_all(CampaignRun))))
    assert states == [("paused", 1), ("running", 2), ("running", 2), ("ended", 2), ("ended", 2)]
    assert _refused(
        "merchants: [{code: xinghuo, campaigns: [{code: welcome, state: running}]}]"
    ) == ["merchants.0.campaigns.0: 活动已结束，不能再启动或修改"]


@pytest.mark.parametrize(
    ("campaigns", "plans"),
    [
        ("", {"default": "running"}),
        (", campaigns: [{code: mine, kind: class_marketing, state: paused}]", {"mine": "paused"}),
        (", campaigns: [{code: mine, kind: class_marketing, state: running}]", {"mine": "running"}),
        (
            ", campaigns: [{code: default, kind: class_marketing, state: paused}]",
            {"default": "paused"},
        ),
    ],
)
def test_a_merchant_without_a_plan_gets_the_default_one(
    app: Flask, campaigns: str, plans: dict[str, str]
) -> None:
    file = f"merchants: [{{code: a, name: 甲{campaigns}}}]"
    _apply(file)
    _apply(file)
    found = {row.code: row.state for row in _all(Campaign) if isinstance(row, Campaign)}
    assert found == plans
    assert len(_all(CouponTemplate)) == 3


def test_the_default_plan_rests_once_the_merchant_names_one_of_its_own(app: Flask) -> None:
    def states(campaigns: str) -> dict[str, str]:
        _apply(f"merchants: [{{code: a, name: 甲, campaigns: [{campaigns}]}}]")
        return {row.code: row.state for row in _all(Campaign) if isinstance(row, Campaign)}

    mine = "{code: mine, kind: class_marketing, state: %s}"
    assert states("") == {"default": "running"}
    assert states(mine % "paused") == {"default": "running", "mine": "paused"}
    assert states(mine % "running") == {"default": "paused", "mine": "running"}
    both = "{code: default, state: running}, " + mine % "running"
    assert states(both) == {"default": "running", "mine": "running"}
    assert _apply("merchants: [{code: a}]").changed == []


def test_two_merchants_may_use_the_same_codes_but_not_the_same_keys_and_apps(app: Flask) -> None:
    other = SMALL.replace("code: xinghuo", "code: other")
    assert _refused(SMALL + other.replace("merchants:\n", "")) == [
        "merchants.1.wechat.0.app_id: wxmini0001已由别人绑定",
        "merchants.1.stores.0.pos.key: k01已是别的门店的密钥",
    ]
    distinct = other.replace("merchants:\n", "").replace("wxmini0001", "wxmini0002")
    _apply(SMALL + distinct.replace("key: k01", "key: k02"))
    assert len(_all(Merchant)) == 2 and len(_all(CouponTemplate)) == 2


def test_levels_keep_their_place_unless_all_are_named(app: Flask) -> None:
    def order() -> list[str]:
        rows = [row for row in _all(MemberLevel) if isinstance(row, MemberLevel)]
        return [row.name for row in sorted(rows, key=lambda row: row.position)]

    def levels(*names: str) -> list[str]:
        entries = ", ".join(f"{{name: {name}}}" for name in names)
        _apply(f"merchants: [{{code: xinghuo, levels: [{entries}]}}]")
        return order()

    _apply(SMALL)
    assert levels("银卡") == ["普通会员", "银卡"]
    assert levels("金卡") == ["普通会员", "银卡", "金卡"]
    assert levels("普通会员", "金卡", "银卡") == ["普通会员", "金卡", "银卡"]


def test_the_subscription_that_is_named_is_the_only_one(app: Flask) -> None:
    _apply(SMALL)
    _apply("merchants: [{code: xinghuo, subscription: [{from: 2026-01-01, to: 2026-12-31},"
           " {from: 2027-01-01, to: 2028-12-31}]}]")  # fmt: skip
    assert len(_all(Subscription)) == 2
    _apply("merchants: [{code: xinghuo, subscription: null}]")
    assert _all(Subscription) == []


def test_a_package_for_some_kinds_keeps_the_others_from_starting(app: Flask) -> None:
    """S0-16: its own default plan is not opened, and a running one is refused by name."""
    file = SMALL.replace("to: 2027-12-31}", "to: 2027-12-31, kinds: [periodic]}")
    (line,) = _refused(file)
    assert line == "merchants.0.campaigns.0.kind: 营销包年不含票券营销，请联系运营者开通"
    _apply(file[: file.index("    campaigns:")])
    assert _all(Campaign) == []
    assert [package.kinds for package in _all(Subscription)] == [["periodic"]]  # type: ignore[attr-defined]
    wrong = _refused(SMALL.replace("to: 2027-12-31}", "to: 2027-12-31, kinds: [magic]}"))
    assert wrong[0].endswith("kinds.0: 没有这种活动")


def test_the_operator_shares_an_account_with_merchants(app: Flask) -> None:
    _apply(
        "operator: {name: 排队网, staff: [{login: root, password: k7mq-x3vd2}], wechat:"
        " [{app_id: wxshared01, kind: official_account, secret: s, token: t}]}\n" + SMALL
    )
    shared = _one(WechatApp, app_id="wxshared01")
    assert isinstance(shared, WechatApp) and shared.merchant_id is None
    _, root = staff.sign_in("root", "k7mq-x3vd2", origin="", now=clock.now())
    assert root.role == "operator"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("name: 皇岗", "nme: 皇岗"), "stores.0.nme: 没有这一项"),
        (("stock: 1000", "stock: '1000'"), "templates.0.stock: 应为整数"),
        (("code: s02", "code: 2"), "stores.1.code: 应为文字"),
        (("role: owner", "role: king"), "staff.0.role: 只能是"),
        (("k7mq-x3vd2", "short"), "staff.0.password: 密码至少10个字符"),
        (("k7mq-x3vd2", "password123"), "staff.0.password: 密码太常见，请换一个"),
        (("[s01], giftable", "[s09], giftable"), "templates.0.stores: 没有门店s09"),
        (("stores: [s01]}", "stores: [s09]}"), "staff.1.stores: 没有门店s09"),
        (("reduce_fen: 10000", "reduce: 10000"), "templates.0.rule.reduce: 没有这一项"),
        (("title: 每满300减100,", ""), "templates.0.title: 必填"),
        (("kind: every_full", "kind: nothing"), "templates.0.kind: 没有这种券"),
        (('"11:00-14:00"', '"11:00"'), "templates.0.hours"),
        (("template: t300", "template: t9"), "campaigns.0.parts.new.coupons.0.template: "),
        (
            ("class_marketing", "self_claim"),
            "campaigns.0.kind: 本版本尚不支持卡券领取（self_claim）",
        ),
        (("class_marketing", "magic"), "campaigns.0.kind: 没有这种活动"),
        (("wxmini0001, template_id", "wx9, template_id"), "messages.0.app_id: 没有绑定wx9"),
        (("purpose: coupons_waiting", "purpose: hello"), "messages.0.purpose: 只能是"),
        (("channel: subscribe", "channel: template"), "messages.0.app_id: wxmini0001不是公众号"),
        (("to: 2027-12-31}", "to: 2025-12-31}"), "subscription: 结束日期早于开始日期"),
        (("to: 2027-12-31}", "to: 2027/12/31}"), "subscription.to: 日期应写作 2026-01-01"),
        (("days: 30", "days: 0"), "templates.0.validity.days: 不能小于1"),
        (("secret: s1", "scret: s1"), "wechat.0.scret: 没有这一项"),
        (("\n    name: 星火火锅", ""), "name: 必填"),
        (("discount_bp: 9500", "discount_bp: 9500.5"), "levels.1.discount_bp: 应为整数"),
    ],
)
def test_what_is_wrong_is_named_by_its_path_and_nothing_is_applied(
    app: Flask, change: tuple[str, str], says: str
) -> None:
    assert change[0] in SMALL
    before = _rows()
    lines = _refused(SMALL.replace(*change, 1))
    assert any(line.startswith(f"merchants.0.{says}") for line in lines), lines
    assert _rows() == before


FIXED = """
merchants:
  - code: xinghuo
    campaigns:
      - {code: core, kind: periodic, state: running,
         audience: {mode: fixed, phones: ["13800000001", "13800000002"]},
         timetable: {every: day, at: 10:00}, claim_window: {kind: same_day},
         coupons: [{template: t300, quantity: 1}]}
"""


def test_a_fixed_audience_names_only_members_who_are_there(app: Flask) -> None:
    _apply(SMALL)
    _a_member("13800000001")
    assert _refused(FIXED) == [
        "merchants.0.campaigns.0.audience.phones.1: 没有手机号为138****0002的会员，请先导入会员"
    ]
    _a_member("13800000002")
    assert _apply(FIXED).made == ["xinghuo campaign core"]
    assert len(_all(AudienceMember)) == 2


def test_a_fixed_audience_is_made_of_phones_written_any_way(app: Flask) -> None:
    _apply(SMALL)
    _a_member("13800000001")
    _a_member("13800000002")
    spelt = FIXED.replace("13800000001", "138 0000 0001").replace("13800000002", "+8613800000002")
    assert _apply(spelt).made == ["xinghuo campaign core"]
    assert len(_all(AudienceMember)) == 2
    assert _apply(FIXED).changed == []


def test_a_fixed_audience_that_was_found_is_not_looked_for_again(app: Flask) -> None:
    _apply(SMALL)
    for phone in ("13800000001", "13800000002"):
        _a_member(phone)
    _apply(FIXED)
    with transaction(), tenancy.across_merchants("a test forgets phones"):
        db.session.execute(update(Member).values(phone=None))
    assert _apply(FIXED).changed == []
    assert len(_all(AudienceMember)) == 2


def _a_member(phone: str) -> None:
    merchant = _one(Merchant)
    assert isinstance(merchant, Merchant)
    with transaction(), tenancy.acting_for(merchant.id):
        db.session.add(Member(phone=phone, joined_at=clock.now()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- 1",
        "a: [",
        "merchants: []\nmerchants: []",
        "a: !!binary aGk=",
        "merchants: [{code: .nan}]",
        "1: 2",
        "--- 1\n--- 2",
    ],
)
def test_what_is_no_set_up_file_is_refused(app: Flask, text: str) -> None:
    assert _refused(text)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("{field: magic, op: '='}", ": 种类不认识"),
        ("{field: consumption_count, op: '~', value: 3}", ".op: 只能是"),
        ("{field: level, op: in}", ".value: 必填"),
    ],
)
def test_a_wrong_condition_is_named_as_it_stands_in_the_file(
    app: Flask, condition: str, says: str
) -> None:
    lines = _refused(
        f"""
merchants:
  - code: xinghuo
    name: 星火火锅
    campaigns:
      - {{code: core, kind: periodic, timetable: {{every: day, at: 10:00}},
         claim_window: {{kind: same_day}},
         audience: {{mode: dynamic, conditions: [{condition}]}}}}
"""
    )
    assert len(lines) == 1
    assert lines[0].startswith(f"merchants.0.campaigns.0.audience.conditions.0{says}")


def test_one_run_names_all_that_is_wrong(app: Flask) -> None:
    wrong = SMALL.replace("k7mq-x3vd2", "short").replace("kind: every_full", "kind: nothing")
    assert _refused(wrong) == [
        "merchants.0.staff.0.password: 密码至少10个字符",
        "merchants.0.templates.0.kind: 没有这种券",
    ]


def test_words_are_words_in_yaml_1_2(app: Flask) -> None:
    _apply("merchants: [{code: no, name: yes, stores: [{code: on, name: off, hours: 10:00}]}]")
    store, merchant = _one(Store), _one(Merchant)
    assert isinstance(store, Store) and isinstance(merchant, Merchant)
    assert (merchant.code, merchant.name) == ("no", "yes")
    assert (store.code, store.name, store.hours) == ("on", "off", "10:00")


def test_a_till_has_two_secrets_while_they_change(app: Flask) -> None:
    def keyed(pos: str) -> str:
        stores = f"[{{code: s1, name: 店, pos: {{key: k1, {pos}}}}}]"
        return f"merchants: [{{code: a, name: 甲, stores: {stores}}}]"

    def secrets() -> tuple[str, str | None]:
        reread()
        with tenancy.across_merchants("a test looks"):
            key = db.session.scalars(select(PosKey)).one()
            return key.secret, key.next_secret

    _apply(keyed("secret: p1"))
    assert _apply(keyed("next_secret: p2")).changed == ["a pos key k1"]
    assert secrets() == ("p1", "p2")
    _apply(keyed("secret: p1"))
    assert secrets() == ("p1", "p2")
    _apply(keyed("secret: p2, next_secret: null"))
    assert secrets() == ("p2", None)
    assert "p2" not in export()


def _a_mall(**more: str) -> str:
    mall = {"id": "m01", "secret": "x01", "callback": '"http://mall.example/told"', **more}
    said = ", ".join(f"{name}: {value}" for name, value in mall.items() if value)
    return f"merchants: [{{code: a, name: 甲, stores: [{{code: s1, name: 店, mall: {{{said}}}}}]}}]"


def test_a_mall_shop_is_bound_with_two_secrets_while_they_change(app: Flask) -> None:
    """S1-08, S1-09: what is entered is kept; its secrets are told to nobody."""
    assert "a mall shop m01" in _apply(_a_mall()).made
    assert _apply(_a_mall()).changed == []
    assert _apply(_a_mall(next_secret="x02")).changed == ["a mall shop m01"]
    with tenancy.across_merchants("a test looks"):
        shop = db.session.scalars(select(MallShop)).one()
        assert (shop.secret, shop.next_secret) == ("x01", "x02")
        assert (shop.callback_url, shop.app_id, shop.heard_at) == (
            "http://mall.example/told",
            "",
            None,
        )
    assert "x01" not in export() and "m01" in export()


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"secret": ""}, "secret"),
        ({"callback": "ftp://mall.example"}, "callback"),
        ({"callback": '"http://me:pw@mall.example"'}, "callback"),
        ({"oa": "wxoa9999"}, "oa"),
        ({"id": "m" * 51}, "id"),
    ],
)
def test_a_mall_shop_that_cannot_be_is_refused(app: Flask, more: dict[str, str], path: str) -> None:
    with pytest.raises(SetupRefused) as refused:
        _apply(_a_mall(**more))
    assert [problem.path for problem in refused.value.problems] == [
        f"merchants.0.stores.0.mall.{path}"
    ]


def test_a_mall_shop_of_another_store_is_not_taken_over(app: Flask) -> None:
    _apply(_a_mall())
    with pytest.raises(SetupRefused) as refused:
        _apply(_a_mall().replace("code: a", "code: b"))
    assert [str(p) for p in refused.value.problems] == [
        "merchants.0.stores.0.mall.id: m01已由别的门店绑定"
    ]


def test_a_field_that_cannot_hold_its_value_is_applied_and_warned_of(app: Flask) -> None:
    """Field case D: V3 in a phrase would leave as 无."""
    more = """
  - code: two
    name: 二号店
    levels: [{name: 普通会员}, {name: V3}]
    messages:
      - purpose: level_changed
        channel: subscribe
        template_id: T1
        fields: {thing1: title, phrase2: level, amount3: points, phrase4: merchant}
"""
    applied = apply(read(SMALL.rstrip() + more), now=clock.now())
    assert [(each.path, "“V3”" in each.text) for each in applied.warnings] == [
        ("merchants.1.messages.0.fields.phrase2", True),
        ("merchants.1.messages.0.fields.amount3", False),
    ]


def test_the_demonstration_set_up_warns_of_nothing(app: Flask) -> None:
    assert apply(read(DEMO.read_text()), now=clock.now()).warnings == []
