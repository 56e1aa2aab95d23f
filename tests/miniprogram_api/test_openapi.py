"""The published contract is valid OpenAPI 3.1 and holds every endpoint an outside program calls."""

import json
import re

from flask.testing import FlaskClient
from openapi_spec_validator import validate

from miniprogram_api.contract import OPERATIONS


def test_the_contract_is_valid_and_whole(http: FlaskClient) -> None:
    document = http.get("/openapi.json").get_json()
    validate(document)
    told = sum(len(methods) for methods in document["paths"].values())
    assert told == len(OPERATIONS) > 0
    for path in document["paths"]:
        assert path.startswith(("/api/v1/", "/pos/v1/", "/mall/v1/")), path
        assert "<" not in path


def test_every_shape_that_is_named_is_told(http: FlaskClient) -> None:
    document = http.get("/openapi.json").get_json()
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert len(named) > len(OPERATIONS)
    assert named <= set(document["components"]["schemas"])


def test_lists_and_numbers_in_paths_are_told_with_their_types(http: FlaskClient) -> None:
    paths = http.get("/openapi.json").get_json()["paths"]

    def told(path: str, method: str) -> dict[str, str]:
        return {p["name"]: p["schema"]["type"] for p in paths[path][method]["parameters"]}

    page = {"limit": "integer", "cursor": "string"}
    assert told("/api/v1/me/coupons", "get") == {"state": "string"} | page
    assert told("/api/v1/verifier/redemptions", "get") == page
    undo = told("/pos/v1/redemptions/{redemption_id}/undo", "post")
    assert undo == {"redemption_id": "integer", "Idempotency-Key": "string"}


def test_the_page_shows_it_without_anything_from_elsewhere(http: FlaskClient) -> None:
    page = http.get("/docs").get_data(as_text=True)
    assert "/api/v1/login" in page
    assert "//cdn" not in page
    assert "<script src" not in page
