"""充值规则: what a recharge brings on top, and the most that a balance may hold."""

from flask import Response, flash, make_response, redirect, request
from pydantic import JsonValue
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
from backend.money import parse_yuan, yuan
from backend.wallet.rules import rules_of

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
        rules = rules_of(_merchant().recharge)
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


def _read(tiers: Tiers) -> list[dict[str, int]]:
    """The tiers in fen, the smallest first; ValueError with words."""
    found: dict[int, int] = {}
    for principal, bonus in tiers:
        try:
            principal_fen, bonus_fen = parse_yuan(principal), parse_yuan(bonus)
        except ValueError:
            raise ValueError(f"充{principal or '？'}送{bonus or '？'}：金额应写作 500") from None
        if not 0 < principal_fen <= YuanField.most_fen or not 0 <= bonus_fen <= YuanField.most_fen:
            raise ValueError(f"充{principal}送{bonus}：金额超出范围")
        if principal_fen in found:
            raise ValueError(f"充值 {principal} 元写了两次")
        found[principal_fen] = bonus_fen
    return [{"principal_fen": fen, "bonus_fen": found[fen]} for fen in sorted(found)]


@transactional
def _save(form: CapsForm, tiers: list[dict[str, int]]) -> None:
    merchant = _merchant()
    before: Facts = dict(merchant.recharge)
    told: list[JsonValue] = [dict(tier) for tier in tiers]
    caps: dict[str, JsonValue] = {
        "registered_fen": form.registered_fen.data or None,
        "unregistered_fen": form.unregistered_fen.data or None,
    }
    merchant.recharge = {**merchant.recharge, "tiers": told, "caps": caps}
    access.record("recharge.save", "充值规则", before=before, after=dict(merchant.recharge))


def _merchant() -> Merchant:
    return db.session.scalars(select(Merchant).where(Merchant.id == access.shop().id)).one()
