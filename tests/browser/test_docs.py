"""The pages outside the desk on a phone: nothing hangs over the side, and each shows the icon."""

import pytest
from flask import Flask
from playwright.sync_api import Browser

from tests.browser.test_desk import Watched

pytestmark = pytest.mark.browser


def test_the_api_documentation_fits_a_phone_with_everything_opened(
    app: Flask, chromium: Browser, address: str
) -> None:
    watched = Watched(chromium, address, narrow=True)
    watched.open("/docs")
    page = watched.page

    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert watched.wrong == []
    watched.context.close()
