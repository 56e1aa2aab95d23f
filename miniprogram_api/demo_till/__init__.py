"""演示收银台 /demo/pos: a visitor plays the cashier. Development and demo only.

The page calls ``/pos/v1`` like any till. Its calls are signed here, so that no secret leaves the
server; in production none of this is registered.
"""

import secrets
from datetime import datetime
from typing import Annotated, Literal

from flask import Blueprint, Flask, Response, render_template
from pydantic import Field

from backend import clock
from backend.merchants import tills
from backend.secure_headers import CSP, page_policy
from miniprogram_api.contract import Answer, Body, CodeText, read, send
from miniprogram_api.pos.signature import SCHEME, SignatureInvalid, sign

blueprint = Blueprint(
    "demo_till",
    __name__,
    url_prefix="/demo/pos",
    template_folder="templates",
    static_folder="static",
)

_POLICY = page_policy(styles=("'self'", "'unsafe-inline'"))


class SignBody(Body):
    """A call that the page is about to make."""

    key: CodeText
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^/pos/v1/")]
    body: Annotated[str, Field(max_length=200_000)] = ""


class SignAnswer(Answer):
    """The header that signs it."""

    authorization: str


class ClockAnswer(Answer):
    """The business instant."""

    now: datetime


def register(app: Flask) -> None:
    """Anybody may play on a development machine; nobody in production."""
    if not app.config["PRODUCTION"]:
        app.register_blueprint(blueprint)


@blueprint.get("/", strict_slashes=False)
def page() -> str:
    """收银台."""
    return render_template("demo_till/till.html", tills=tills.live_tills())


@blueprint.get("/clock")
def business_clock() -> Response:
    """The business clock, which may be set on a demo machine: bills are settled by it."""
    return send(ClockAnswer(now=clock.now()))


@blueprint.post("/sign")
def sign_call() -> Response:
    """The signature of one call."""
    body = read(SignBody)
    found = tills.till(body.key)
    if found is None:
        raise SignatureInvalid()
    timestamp, nonce = str(int(clock.machine_now().timestamp())), secrets.token_hex(16)
    signature = sign(
        found.secrets[0],
        method=body.method,
        path=body.path,
        timestamp=timestamp,
        nonce=nonce,
        body=body.body.encode(),
    )
    header = (
        f'{SCHEME} key="{found.key}",timestamp="{timestamp}",'
        f'nonce="{nonce}",signature="{signature}"'
    )
    return send(SignAnswer(authorization=header))


@blueprint.after_request
def headers(response: Response) -> Response:
    """Nothing from elsewhere."""
    response.headers.setdefault(CSP, _POLICY)
    return response
