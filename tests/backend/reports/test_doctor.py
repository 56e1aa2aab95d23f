"""体检: one damage per rule, each named alone; a healthy database is silent."""

import pytest
from flask import Flask
from sqlalchemy import select

from backend import clock, tenancy
from backend.database import Model, db
from backend.members.models import Member
from backend.references import references
from backend.reports import doctor
from tests.backend.open_bills.test_doctor import DAMAGES as OPEN_BILL_DAMAGES
from tests.backend.points.test_doctor import DAMAGES as EXCHANGE_DAMAGES
from tests.backend.reports.trust import TRUST_DAMAGES
from tests.backend.reports.world import World, a_world, damage
from tests.builders import reread
from tests.conftest import StillClock


@pytest.fixture
def world(app: Flask, clock: StillClock) -> World:
    return a_world(clock)


def _found() -> list[str]:
    reread()
    return [finding.name for finding in doctor.check(now=clock.now())]


_EVENT = (
    "insert into coupon_event"
    " (merchant_id, coupon_id, {quote}before{quote}, after, at, actor, cause, request_id)"
    " values ({merchant}, {usable}, '%s', '%s', '2026-11-24 02:00:00', '', '', '')"
)

DAMAGES = TRUST_DAMAGES | {
    "redemption.once": ["delete from redemption where id={redemption}"],
    "redemption.live_key": ["update redemption set live_key=null where id={redemption}"],
    "redemption.campaign": ["update redemption set campaign_id={periodic} where id={redemption}"],
    "coupon.arrows": [_EVENT % ("usable", "expired"), _EVENT % ("expired", "usable")],
    "coupon.chain": [_EVENT % ("redeemed", "usable")],
    "coupon.state": ["update coupon set state='revoked' where id={usable}"],
    "coupon.lock": ["update coupon set locked_bill='s01/B9' where id={usable}"],
    "coupon.promise": ["update coupon set revision_id={free_revision} where id={usable}"],
    "coupon.holder": [
        "update member set alias_of_id={two} where id={one}",
        "update coupon set member_id={one} where id={usable}",
    ],
    "grant.pieces": ["delete from coupon where id={usable}"],
    "grant.offer": ["update coupon_grant set quantity=quantity+1 where id={open_grant}"],
    "template.revision": [
        "update coupon_template set revision_id={free_revision} where id={limited}"
    ],
    "template.stock": ["update coupon_template set issued=issued+1 where id={limited}"],
    "campaign.run": [
        "update campaign_run set stopped_at='2026-11-24 02:00:00' where campaign_id={plan}"
    ],
    "campaign.budget": ["update campaign set budget_total=0 where id={plan}"],
    "campaign.budget_per_day": ["update campaign set budget_per_day=0 where id={plan}"],
    "link.grants": ["update coupon_grant set state='revoked' where id={linked_grant}"],
    "link.claimed": ["update claim_link set claimed_by_id=null where id={claimed_link}"],
    "link.kind": ["update claim_link set kind='exchange' where id={open_link}"],
    "wave.counts": ["update wave set matched=matched+1 where id={wave}"],
    "wave.granted": ["update wave set granted=granted+1, matched=matched+1 where id={wave}"],
    "wave.told": ["update wave set told=told+1 where id={wave}"],
    "offer.pieces": [
        "insert into offer_piece (merchant_id, offer_id, piece, template_id, revision_id)"
        " values ({merchant}, {open_offer}, 100, {free}, {free_revision})"
    ],
    "member.counters": ["update member set consumption_fen=consumption_fen+1 where id={regular}"],
    "member.class": ["update member set customer_class='loyal' where id={regular}"],
    "member.follows": ["update member set follows=(1=0) where id={visitor}"],
    "member.alias": [
        "update member set alias_of_id={two} where id={one}",
        "update member set alias_of_id={three} where id={two}",
    ],
    "points.balance": [
        "update member set points=points+1 where id={visitor}",
        "update points_lot set remaining=remaining+1, points=points+1 where id={lot}",
    ],
    "points.chain": ["update points_entry set seq=9 where id={given}"],
    "points.lots": ["update points_lot set member_id={regular} where id={lot}"],
    "points.lot": ["update points_lot set points=points+1 where id={lot}"],
    "points.expired": [
        "update points_lot set expires_at='2026-11-23 00:00:00' where id={lot}",
    ],
    "points.reversal": ["update points_entry set reverses_id={earned} where id={given}"],
    "points.taken_back": ["update points_entry set reverses_id={earned} where id={taken_back}"],
    "points.owed": ["update points_lot set owed=owed+1 where id={owing}"],
    "wallet.balance": ["update member set bonus_fen=bonus_fen+1 where id={visitor}"],
    "wallet.chain": [
        "update wallet_entry set principal_after=principal_after+1 where id={refunded}"
    ],
    "wallet.refund": ["update wallet_entry set reverses_id={recharged} where id={refunded}"],
    "recharge.reversed": ["update wallet_entry set reverses_id=null where cause='reversal-V0'"],
    "member.recharged": ["update member set recharged_fen=recharged_fen+1 where id={visitor}"],
    "intent.once": [
        "insert into attempt (merchant_id, intent_id, channel, app_id, at, outcome, code, answer,"
        " provider_id, receipt) values"
        " ({merchant}, {sent}, 'sms', '', '2026-11-24 02:00:00', 'accepted', '', '', '', '')"
    ],
    "intent.sent": ["update intent set state='failed' where id={sent}"],
    "intent.stuck": [
        "update intent set state='sending', lease_until='2026-11-23 00:00:00' where id={due}"
    ],
    "intent.unreachable": [
        "update intent set state='unreachable', purpose='campaign_news' where id={due}"
    ],
    "consent.balance": ["update consent set remaining=remaining+1 where id={consent}"],
    "consent.ledger": ["update consent_entry set remaining=remaining+1 where id={entry}"],
    "bill.lines": ["update bill_line set reduction_fen=reduction_fen+1 where id={line}"],
    "bill.parts": ["update bill_line set manual_fen=manual_fen+1 where id={line}"],
    "bill.paid": ["update bill set service_fen=service_fen+1 where id={bill}"],
    "bill.refunded": ["update bill set refunded_fen=refunded_fen+1 where id={bill}"],
    "bill_line.returned": [
        "update refund_line set thousandths=thousandths+2000 where id={returned}"
    ],
    "refund.lines": ["update refund_line set paid_fen=paid_fen+1 where id={returned}"],
    "voucher.coupon": ["update mall_voucher set coupon_id=null where id={voucher}"],
    "coupon.voucher": ["update coupon set source='local' where id={mall_coupon}"],
    "redemption.report": [
        "delete from voucher_report where redemption_id={mall_redemption} and kind='undone'"
    ],
    "daily_figure.sums": [
        "insert into daily_figure (merchant_id, day, figure, campaign_id, template_id, value)"
        " values ({merchant}, '2026-12-31', 'made', 0, 0, 0)"
    ],
    "bill.redemption": ["update redemption set reduction_fen=reduction_fen+1 where id={billed}"],
}


def test_after_two_days_of_business_nothing_is_wrong(world: World) -> None:
    assert [str(finding) for finding in doctor.check(now=clock.now())] == []


def test_an_empty_database_is_healthy(app: Flask) -> None:
    assert doctor.check(now=clock.now()) == []


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_named_and_no_other(world: World, name: str) -> None:
    world.ids["quote"] = "`" if db.engine.dialect.name == "mysql" else '"'  # type: ignore[assignment]
    damage(world, *DAMAGES[name])
    assert _found() == [name]


def test_an_entry_with_a_clear_phone_is_named(world: World) -> None:
    """Under a good seal too: some new way to write forgot to mask."""
    clear = "13812345678"
    damage(world, f"update audit_entry set subject='{clear}' where id={{audited}}")
    assert _found() == ["audit.seal", "audit.phone"]


def test_the_last_entries_cannot_go_with_their_count(world: World) -> None:
    damage(
        world,
        "delete from audit_entry where book={merchant}",
        "update audit_book set entries=0 where book={merchant}",
    )
    assert "audit.book" in _found()


def test_a_redemption_in_the_future_is_named(world: World) -> None:
    damage(
        world,
        "update redemption set at='2027-11-20 02:00:00' where id={redemption}",
        "update coupon_event set at='2027-11-20 02:00:00' where coupon_id={redeemed}",
    )
    assert _found() == ["redemption.at"]


def test_an_over_long_text_is_named_where_the_database_takes_it(world: World) -> None:
    if db.engine.dialect.name != "sqlite":
        with pytest.raises(db.engine.dialect.loaded_dbapi.Error):
            damage(world, f"update member_card set number='{'9' * 70}' where id={{card}}")
        return
    damage(world, f"update member set nickname='{'长' * 400}' where id={{one}}")
    assert _found() == ["text.member"]


@pytest.mark.parametrize(
    "statement",
    [
        "update staff set role='operator' where id={boss}",
        "update staff set password_hash='' where id={boss}",
        "update coupon set valid_until=valid_from where id={usable}",
        "update member_card set state='gone' where id={card}",
    ],
)
def test_what_the_tables_refuse_needs_no_doctor(world: World, statement: str) -> None:
    with pytest.raises(db.engine.dialect.loaded_dbapi.Error):
        damage(world, statement)


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("staff.place", "update staff set role='operator' where id={boss}"),
        ("staff.password", "update staff set password_hash='' where id={boss}"),
        ("coupon.window", "update coupon set valid_until='2026-11-01 00:00:00' where id={usable}"),
    ],
)
def test_what_was_written_past_the_refusal_is_named(
    world: World, name: str, statement: str
) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite lets somebody switch its checks off")
    damage(world, statement, unchecked=True)
    assert name in _found()


def test_every_rule_has_a_damage(app: Flask) -> None:
    made = ("reference.", "text.")
    written = {rule.name for rule in doctor.invariants() if not rule.name.startswith(made)}
    apart = {"audit.phone", "staff.place", "staff.password", "coupon.window"}
    assert written == {*DAMAGES, *OPEN_BILL_DAMAGES, *EXCHANGE_DAMAGES, *apart}


def test_a_lost_row_and_another_merchants_row_are_named_at_every_reference(world: World) -> None:
    damaged = []
    for table, column, target in references():
        with tenancy.across_merchants("a test looks for a row to damage"):
            row = db.session.execute(select(table.c.id, column).where(column.is_not(None))).first()
        if row is None:
            continue
        set_to = f"update {table.name} set {column.name}=%s where id={row[0]}"
        damage(world, set_to % 999999999)
        name = f"reference.{table.name}.{column.name}"
        assert name in _found()
        damage(world, set_to % row[1])
        if target.name == "member" and table.name != "member":
            damage(world, set_to % "{foreigner}")
            assert name in _found()
            damage(world, set_to % row[1])
        damaged.append(name)
    assert len(damaged) > 35
    assert _found() == []


NAMES_NOTHING_OF_A_MERCHANT = {
    "merchant_id", "request_id", "app_id", "provider_id", "wechat_user_id", "cursor_id", "last_id",
    "mch_id", "public_key_id", "event_id", "prepay_id", "transaction_id",
}  # fmt: skip


def test_every_column_that_names_a_row_is_looked_at(app: Flask) -> None:
    seen = {(table.name, column.name) for table, column, _ in references()}
    named = {
        (table.name, column.name)
        for table in Model.metadata.sorted_tables
        if "merchant_id" in table.c and table.name not in ("staff", "audit_entry", "wechat_app")
        for column in table.c
        if column.name.endswith("_id") and column.name not in NAMES_NOTHING_OF_A_MERCHANT
    }
    assert named - seen == {("message_template", "template_id"), ("scan_payment", "refund_id")}


@pytest.mark.parametrize(
    "name",
    [
        "template.stock",
        "member.counters",
        "member.class",
        "member.follows",
        "consent.balance",
        "daily_figure.sums",
    ],
)
def test_what_can_be_derived_is_rebuilt(world: World, name: str) -> None:
    damage(world, *DAMAGES[name])
    assert [repaired.name for repaired in doctor.repair()] == [name]
    assert _found() == []
    assert doctor.repair() == []


def test_a_budget_that_was_lowered_afterwards_is_not_broken(world: World) -> None:
    damage(
        world,
        "update campaign set budget_total=0, budget_per_day=0, edited_at='2026-11-25 00:00:00'"
        " where id={plan}",
    )
    assert _found() == []


def test_the_command_says_what_is_wrong_and_exits_1(app: Flask, world: World) -> None:
    run = app.test_cli_runner().invoke
    assert run(args=["doctor"]).exit_code == 0
    damage(world, *DAMAGES["member.class"], *DAMAGES["wave.told"])
    answer = run(args=["doctor"])
    assert answer.exit_code == 1
    lines = answer.output.splitlines()
    assert lines == [
        f"wave.told: 批次的通知数就是它写下的消息数（V-22）；不符：wave {world.ids['wave']}",
        f"member.class: 客户分类由消费次数决定；不符：member {world.ids['regular']}",
    ]
    repaired = run(args=["doctor", "--repair"])
    assert repaired.exit_code == 1
    assert repaired.output.splitlines() == ["member.class: 已重建 1 条", lines[0]]
    with tenancy.acting_for(world.shop.merchant_id):
        member = tenancy.find(Member, world.ids["regular"])
        assert member is not None and member.customer_class == "ordinary"
