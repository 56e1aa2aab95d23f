"""Merchants of a journey: opened by the operator's set-up file, their accounts known to WeChat."""

import re
from pathlib import Path

from flask import Flask
from werkzeug.test import TestResponse

from scripts.wechat_platform.server import Platform
from tests.admin.desk import Visitor
from tests.builders import Shop, a_shop, reread
from tests.journeys.forms import as_shown


def a_journeys_shop(wechat: Platform, code: str | None = None, *, subscribed: bool = True) -> Shop:
    """A merchant whose mini-program and official account WeChat knows as one operator's."""
    shop = a_shop(code, subscribed=subscribed)
    for app_id, kind in ((shop.oa, "official_account"), (shop.mini, "miniprogram")):
        wechat.account(
            app_id, kind, f"secret-{app_id}", token=f"token-{app_id}", union_group=shop.code
        )
    return shop


def apply_setup(app: Flask, folder: Path, text: str) -> str:
    """``flask setup apply``, as the operator does it; what it printed."""
    file = folder / "setup.yaml"
    file.write_text(text)
    done = app.test_cli_runner().invoke(args=["setup", "apply", str(file)])
    reread()
    assert done.exit_code == 0, done.output
    return done.output


def open_package(app: Flask, folder: Path, shop: Shop, package: str) -> None:
    """营销包年 by the operator (S0-16); a merchant without a plan gets the default one."""
    apply_setup(app, folder, f"merchants: [{{code: {shop.code}, subscription: {package}}}]")


def edit(visitor: Visitor, path: str, **form: object) -> TestResponse:
    """Send a form as a browser does: what its page shows, and what is typed over it."""
    shown: dict[str, object] = dict(as_shown(visitor.read(path)))
    return visitor.send(path, **(shown | form))


def number_in(pattern: str, text: str) -> int:
    """The one number that a page shows there."""
    found = re.search(pattern, text)
    assert found is not None, f"{pattern} is not on the page"
    return int(found[1].replace(",", ""))
