"""商城券: a linked voucher has its coupon and a waiting one has none; every use is reported."""

from sqlalchemy import or_, select

from backend.coupons.models import Coupon, CouponSource, CouponState
from backend.database import table_of
from backend.redemption.models import Redemption, ReportKind, VoucherReport
from backend.reports.invariants.invariant import Invariant, by
from backend.vouchers.models import MallVoucher, VoucherState

_vouchers, _coupons = table_of(MallVoucher), table_of(Coupon)
_redemptions, _reports = table_of(Redemption), table_of(VoucherReport)
_redeemed, _undone = _reports.alias(), _reports.alias()

INVARIANTS = (
    Invariant(
        "voucher.coupon",
        "已关联的商城券有它的券，待关联的没有，已退款的券已作废",
        "mall_voucher",
        by(
            select(_vouchers.c.id)
            .outerjoin(_coupons, _coupons.c.voucher_id == _vouchers.c.id)
            .where(
                or_(
                    (_vouchers.c.state == VoucherState.LINKED) & _coupons.c.id.is_(None),
                    (_vouchers.c.state == VoucherState.WAITING) & _coupons.c.id.is_not(None),
                    (_vouchers.c.state == VoucherState.REVOKED)
                    & (_coupons.c.state != CouponState.REVOKED),
                    _vouchers.c.coupon_id.is_distinct_from(_coupons.c.id),
                )
            )
        ),
    ),
    Invariant(
        "coupon.voucher",
        "来自商城的券有商城券，本地的没有",
        "coupon",
        by(
            select(_coupons.c.id).where(
                (_coupons.c.source == CouponSource.MALL) != _coupons.c.voucher_id.is_not(None)
            )
        ),
    ),
    Invariant(
        "redemption.report",
        "商城券的每次核销与撤销各有一条回报",
        "redemption",
        by(
            select(_redemptions.c.id)
            .join(_coupons, _coupons.c.id == _redemptions.c.coupon_id)
            .outerjoin(
                _redeemed,
                (_redeemed.c.redemption_id == _redemptions.c.id)
                & (_redeemed.c.kind == ReportKind.REDEEMED),
            )
            .outerjoin(
                _undone,
                (_undone.c.redemption_id == _redemptions.c.id)
                & (_undone.c.kind == ReportKind.UNDONE),
            )
            .where(
                _coupons.c.voucher_id.is_not(None),
                or_(
                    _redeemed.c.id.is_(None),
                    _redemptions.c.undone_at.is_(None) & _undone.c.id.is_not(None),
                    _redemptions.c.undone_at.is_not(None) & _undone.c.id.is_(None),
                ),
            )
        ),
    ),
)
