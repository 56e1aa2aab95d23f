"""The product has one icon, and every page of it shows that one."""

import re

import pytest
from flask import Flask


@pytest.mark.parametrize("path", ["/admin/login", "/docs", "/h5/nowhere", "/demo/pos/"])
def test_every_page_names_the_icon_that_is_there(app: Flask, path: str) -> None:
    browser = app.test_client()

    page = browser.get(path).get_data(as_text=True)

    (named,) = re.findall(r'<link rel="icon" href="([^"]+)"', page)
    with browser.get(named) as icon:
        assert (icon.status_code, icon.mimetype) == (200, "image/svg+xml")
        assert icon.cache_control.max_age
    assert named == "/favicon.ico", "where browsers ask by themselves, too"
