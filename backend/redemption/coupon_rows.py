"""券的行: coupons with what they promise, their live redemption and its store, selected once.

Who judges (``facts``) and who shows (``backend/card_pack``) add what only they tell.
"""

from typing import Any

from sqlalchemy import Select, bindparam, select

from backend import tenancy
from backend.coupons.models import Coupon, CouponTemplate, TemplateRevision
from backend.database import table_of
from backend.merchants.models import Store
from backend.redemption.models import Redemption

_coupons, _redemptions, _stores = table_of(Coupon), table_of(Redemption), table_of(Store)
_revisions, _templates = table_of(TemplateRevision), table_of(CouponTemplate)


def coupon_rows() -> Select[Any]:
    """The coupons of ``:merchant``; ``promised_stores`` and ``stores_now`` are read by
    ``coupons.promise``."""
    return (
        select(
            _coupons.c.id,
            _coupons.c.voucher_id,
            _coupons.c.template_id,
            _coupons.c.campaign_id,
            _coupons.c.member_id,
            _coupons.c.source,
            _coupons.c.state,
            _coupons.c.valid_from,
            _coupons.c.valid_until,
            _coupons.c.locked_until,
            _revisions.c.title,
            _revisions.c.kind,
            _revisions.c.rule,
            _revisions.c.minimum_fen,
            _revisions.c.stores.label("promised_stores"),
            _templates.c.stores.label("stores_now"),
            _redemptions.c.at.label("redeemed_at"),
            _stores.c.name.label("redeemed_store"),
        )
        .join(_revisions, _revisions.c.id == _coupons.c.revision_id)
        .join(_templates, _templates.c.id == _coupons.c.template_id)
        .outerjoin(_redemptions, _redemptions.c.live_key == _coupons.c.id)
        .outerjoin(_stores, _stores.c.id == _redemptions.c.store_id)
        .where(tenancy.owner(_coupons) == bindparam("merchant"))
    )
