"""商城券: vouchers that malls sold, before and after they are coupons."""
