"""Which till calls: every request of /pos/v1 is signed with a till's key (spec/08)."""

from backend.merchants import tills
from backend.signing import SCHEME, sign
from miniprogram_api.limits import Limit
from miniprogram_api.signature import SignatureInvalid, Signed

__all__ = ["SCHEME", "SignatureInvalid", "current_till", "require_till", "sign"]

_TILLS = Signed(tills.till, limit=Limit.TILL, look_at=Limit.WRONG_AT_TILL)

require_till = _TILLS.require
current_till = _TILLS.current
