"""券: what a coupon is, when and where it may be used, and what it takes off."""
