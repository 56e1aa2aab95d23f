"""活动图片 (S2-30): taken by its bytes, kept once, shown to anybody by its address."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend import tenancy
from backend.merchants import pictures
from backend.merchants.pictures import PictureUnusable
from tests.builders import a_shop
from tests.conftest import StillClock

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


def test_a_picture_is_kept_once_and_shown_by_its_address(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    with tenancy.acting_for(a_shop().merchant_id):
        path = pictures.keep(PNG, now=clock.at)
        assert pictures.keep(PNG, now=clock.at) == path
    with tenancy.acting_for(a_shop().merchant_id):
        assert pictures.keep(PNG, now=clock.at) != path
    shown = http.get(path)
    assert (shown.status_code, shown.get_data(), shown.mimetype) == (200, PNG, "image/png")
    assert "immutable" in shown.headers["Cache-Control"]
    assert http.get("/pictures/none").status_code == 404


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"GIF89a", PNG + b"0" * pictures.MOST_BYTES])
def test_what_is_no_small_picture_is_refused(app: Flask, clock: StillClock, content: bytes) -> None:
    with tenancy.acting_for(a_shop().merchant_id), pytest.raises(PictureUnusable):
        pictures.keep(content, now=clock.at)
