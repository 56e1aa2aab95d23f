"""What every answer says to browsers: only our own scripts, styles and forms, nowhere in a frame,
no camera; over https and nothing else where we are reached by it (R-24)."""

from collections.abc import Sequence

from flask import Flask, Response
from secure import (
    ContentSecurityPolicy,
    PermissionsPolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)

CSP = "Content-Security-Policy"

_YEAR = 365 * 24 * 3600


def protect(app: Flask) -> None:
    """Every answer of ``app``; a page says more in a policy of its own (``page_policy``)."""
    https = str(app.config["PUBLIC_URL"]).startswith("https://")
    said = Secure(
        csp=_closed().form_action("'none'"),
        hsts=StrictTransportSecurity().max_age(_YEAR) if https else None,
        permissions=PermissionsPolicy().camera().microphone().geolocation().payment().usb(),
        referrer=ReferrerPolicy().same_origin(),
        xcto=XContentTypeOptions(),
        xfo=XFrameOptions().deny(),
    ).header_items()

    @app.after_request
    def say(response: Response) -> Response:
        for name, value in said:
            response.headers.setdefault(name, value)
        return response


def page_policy(*, styles: Sequence[str] = ("'self'",), forms_also_to: str = "") -> str:
    """CSP of a page with scripts, pictures and forms of our own. A form whose answer leads
    elsewhere names where."""
    policy = (
        _closed()
        .script_src("'self'")
        .style_src(*styles)
        .img_src("'self'", "data:")
        .font_src("'self'")
        .connect_src("'self'")
    )
    return policy.form_action(*filter(None, ("'self'", forms_also_to))).header_value


def _closed() -> ContentSecurityPolicy:
    return (
        ContentSecurityPolicy().default_src("'none'").base_uri("'none'").frame_ancestors("'none'")
    )
