"""充值规则: what a recharge brings on top, and the most that a balance may hold."""

from flask import Response, flash, make_response, redirect, request
from pydantic import ValidationError
from sqlalchemy import select

from admin import access
from admin.access import page
from admin.base import DeskPage
from admin.fields import DeskForm, YuanField
from admin.rights import Right
from admin.saving import sent
from backend.database import db, transactional
from backend.merchants.audit import Facts
from backend.merchants.models import Merchant
from backend.merchants.settings import Caps, RechargeSettings, Tier
from backend.money import parse_yuan, yuan

MOST_TIERS = 20
Tiers = list[tuple[str, str]]
"""充值赠送 as typed: (充值, 赠送) in yuan."""


class CapsForm(DeskForm):
    """余额上限; empty: none."""

    registered_fen = YuanField("已绑定手机号")
    unregistered_fen = YuanField("未绑定手机号")


class RechargeRules(DeskPage):
    """充值规则."""

    right = Right.RECHARGE_RULES
    icon = "fa-credit-card-alt"

    @page("/", methods=("GET", "POST"))
    def index_view(self) -> Response:
        """充值规则."""
        rules = RechargeSettings.stored(_merchant().recharge)
        form = CapsForm(sent(), obj=rules.caps)
        tiers: Tiers = [(yuan(tier.principal_fen), yuan(tier.bonus_fen)) for tier in rules.tiers]
        problems: list[str] = []
        if sent() is not None:
            tiers = _typed()
            try:
                read = _read(tiers)
                if form.validate():
                    _save(form, read)
                    flash("已保存")
                    return redirect(self.get_url(".index_view"))  # type: ignore[return-value]
            except ValueError as wrong:
                problems = [str(wrong)]
        body = self.render("desk/recharge_rules.html", form=form, tiers=tiers, problems=problems)
        return make_response(body, 422 if form.errors or problems else 200)


def _typed() -> Tiers:
    principals, bonuses = request.form.getlist("principal"), request.form.getlist("bonus")
    pairs = zip(principals[:MOST_TIERS], bonuses[:MOST_TIERS], strict=False)
    return [(p.strip(), b.strip()) for p, b in pairs if p.strip() or b.strip()]


def _read(tiers: Tiers) -> tuple[Tier, ...]:
    """The tiers, the smallest first; ValueError with words."""
    found: dict[int, Tier] = {}
    for principal, bonus in tiers:
        try:
            principal_fen, bonus_fen = parse_yuan(principal), parse_yuan(bonus)
        except ValueError:
            raise ValueError(f"充{principal or '？'}送{bonus or '？'}：金额应写作 500") from None
        try:
            tier = Tier(principal_fen=principal_fen, bonus_fen=bonus_fen)
        except ValidationError:
            raise ValueError(f"充{principal}送{bonus}：金额超出范围") from None
        if tier.principal_fen in found:
            raise ValueError(f"充值 {principal} 元写了两次")
        found[tier.principal_fen] = tier
    return tuple(found[fen] for fen in sorted(found))


@transactional
def _save(form: CapsForm, tiers: tuple[Tier, ...]) -> None:
    merchant = _merchant()
    before: Facts = dict(merchant.recharge)
    caps = Caps(
        registered_fen=form.registered_fen.data or None,
        unregistered_fen=form.unregistered_fen.data or None,
    )
    said = RechargeSettings(tiers=tiers, caps=caps).model_dump(mode="json")
    merchant.recharge = {**merchant.recharge, **said}
    access.record("recharge.save", "充值规则", before=before, after=dict(merchant.recharge))


def _merchant() -> Merchant:
    return db.session.scalars(select(Merchant).where(Merchant.id == access.shop().id)).one()
