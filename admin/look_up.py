"""查券: the counter's first page: one coupon by its number, or one customer's coupons."""

from typing import cast
from urllib.parse import urlencode

from flask import Response, make_response, redirect, request, url_for

from admin.access import page
from admin.base import DeskPage
from admin.rights import Right
from backend.members.phones import sought

_PHONE_DIGITS = 11


class LookUp(DeskPage):
    """查券. Lists nobody's coupons until somebody is asked for."""

    right = Right.LOOK_UP
    icon = "fa-search"

    @page("/")
    def index(self) -> Response:
        """查券, by 券码 or 手机号."""
        said = request.args.get("q", "").strip()[:40]
        if not said:
            return make_response(self.render("desk/look_up.html"))
        phone = sought(said)
        is_phone = len(phone) == _PHONE_DIGITS and phone.isdigit()
        asked = {"flt1_1": phone} if is_phone else {"flt0_0": said}
        found = f"{url_for('coupons.index_view')}?{urlencode(asked)}"
        return cast(Response, redirect(found))
