"""Every table, loaded once: for the mappers, the migrations and the tests that read them all."""

from importlib import import_module

PACKAGES = (
    "backend.clock",
    "backend.heartbeat",
    "backend.installation",
    "backend.idempotency",
    "backend.merchants.models",
    "backend.wechat.models",
    "backend.members.models",
    "backend.coupons.models",
    "backend.messaging.models",
    "backend.points.models",
    "backend.wallet.models",
    "backend.vouchers.models",
    "backend.campaigns.models",
    "backend.redemption.models",
    "backend.sales.models",
    "backend.open_bills.models",
    "backend.malls.models",
    "backend.reports.models",
)


def load_all() -> None:
    """Import the models of every package."""
    for name in PACKAGES:
        import_module(name)
