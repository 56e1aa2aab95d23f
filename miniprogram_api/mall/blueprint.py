"""Every call of a mall is signed by a bound shop, counted, and repeated under its key with one
effect."""

from flask import Blueprint

from backend.malls import shops
from miniprogram_api.idempotency import protect
from miniprogram_api.limits import Limit
from miniprogram_api.signature import Signed

_SHOPS = Signed(shops.shop, limit=Limit.MALL, nonces="mall:")

blueprint = Blueprint("mall", __name__, url_prefix="/mall/v1")
_SHOPS.require(blueprint)
current_shop = _SHOPS.current
protect(blueprint, caller=lambda: f"mall-{current_shop().key}"[:80])
