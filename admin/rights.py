"""角色与权限: what each role may do at the desk, per action (spec/01)."""

from collections.abc import Mapping
from enum import StrEnum

from backend.merchants.models import Role


class Right(StrEnum):
    """One action. Whoever may change a thing may also see it."""

    OVERVIEW = "overview"
    CAMPAIGNS = "campaigns"
    EDIT_CAMPAIGNS = "edit_campaigns"
    RUN_CAMPAIGNS = "run_campaigns"
    TEMPLATES = "templates"
    EDIT_TEMPLATES = "edit_templates"
    LOOK_UP = "look_up"
    COUPONS = "coupons"
    COUPON_NUMBERS = "coupon_numbers"
    REVOKE_COUPONS = "revoke_coupons"
    MEMBERS = "members"
    EDIT_MEMBERS = "edit_members"
    PHONES = "phones"
    LEVELS = "levels"
    EDIT_LEVELS = "edit_levels"
    GIVE_LEVELS = "give_levels"
    ADJUST_POINTS = "adjust_points"
    LEDGERS = "ledgers"
    CARDS = "cards"
    EDIT_CARDS = "edit_cards"
    RECHARGE_RULES = "recharge_rules"
    REVERSE_RECHARGES = "reverse_recharges"
    BILLS = "bills"
    NAME_GUESTS = "name_guests"
    REFUSED_BILLS = "refused_bills"
    PAYMENTS = "payments"
    GIVE_BACK = "give_back"
    MALLS = "malls"
    EDIT_MALLS = "edit_malls"
    MESSAGES = "messages"
    STORES = "stores"
    EDIT_STORES = "edit_stores"
    VERIFIERS = "verifiers"
    EDIT_VERIFIERS = "edit_verifiers"
    STAFF = "staff"
    AUDIT = "audit"
    PROFILE = "profile"
    EXPORT = "export"


_MARKETING = frozenset(
    {
        Right.OVERVIEW,
        Right.CAMPAIGNS,
        Right.EDIT_CAMPAIGNS,
        Right.RUN_CAMPAIGNS,
        Right.TEMPLATES,
        Right.EDIT_TEMPLATES,
        Right.COUPONS,
        Right.COUPON_NUMBERS,
        Right.REVOKE_COUPONS,
        Right.MEMBERS,
        Right.EDIT_MEMBERS,
        Right.LEVELS,
        Right.EDIT_LEVELS,
        Right.GIVE_LEVELS,
        Right.ADJUST_POINTS,
        Right.LEDGERS,
        Right.CARDS,
        Right.BILLS,
        Right.MALLS,
        Right.EDIT_MALLS,
        Right.MESSAGES,
        Right.STORES,
        Right.EXPORT,
    }
)

RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.OPERATOR: frozenset(Right),
    Role.OWNER: frozenset(Right),
    Role.MARKETING: _MARKETING,
    Role.STORE_MANAGER: frozenset(
        {
            Right.LOOK_UP,
            Right.COUPONS,
            Right.COUPON_NUMBERS,
            Right.MEMBERS,
            Right.LEVELS,
            Right.GIVE_LEVELS,
            Right.LEDGERS,
            Right.REVERSE_RECHARGES,
            Right.CARDS,
            Right.EDIT_CARDS,
            Right.BILLS,
            Right.NAME_GUESTS,
            Right.REFUSED_BILLS,
            Right.PAYMENTS,
            Right.GIVE_BACK,
            Right.STORES,
            Right.EDIT_STORES,
            Right.VERIFIERS,
            Right.EDIT_VERIFIERS,
        }
    ),
    Role.CASHIER: frozenset(
        {Right.LOOK_UP, Right.COUPONS, Right.MEMBERS, Right.CARDS, Right.BILLS}
    ),
    Role.VERIFIER: frozenset(),
    Role.READ_ONLY: frozenset(
        {
            Right.OVERVIEW,
            Right.CAMPAIGNS,
            Right.TEMPLATES,
            Right.COUPONS,
            Right.MEMBERS,
            Right.LEVELS,
            Right.LEDGERS,
            Right.CARDS,
            Right.BILLS,
            Right.PAYMENTS,
            Right.MALLS,
            Right.MESSAGES,
            Right.STORES,
            Right.VERIFIERS,
        }
    ),
}
"""员工在后台的权限. 核销员 work in the mini-program; the desk only tells them so."""
