"""第三方商城 (聚微量): its shops, vouchers sold, and what we report back (S1)."""
