"""卡包: coupons as their owner, a counter or the opener of a link sees them."""
