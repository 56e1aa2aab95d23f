"""What a mini-program page asks for while it is open, as JSON ``{"status", "body"}``."""

from collections.abc import Mapping

from flask import Blueprint, abort

from scripts.wechat_platform import product_calls
from scripts.wechat_platform.calls import JsonObject, json_body
from scripts.wechat_platform.people import Person, person_with_id
from scripts.wechat_platform.product_calls import Answer
from scripts.wechat_platform.world import this_world

blueprint = Blueprint("phone_mini", __name__, url_prefix="/phone/<person_id>/mini/<app_id>")


@blueprint.post("/login")
def login(person_id: str, app_id: str) -> JsonObject:
    scene = str(json_body().get("scene") or "") or None
    return _told(product_calls.log_in(this_world(), _person(person_id), app_id, scene=scene))


@blueprint.post("/phone")
def bind_phone(person_id: str, app_id: str) -> JsonObject:
    return _told(product_calls.bind_phone(this_world(), _person(person_id), app_id))


@blueprint.post("/consents")
def consents(person_id: str, app_id: str) -> JsonObject:
    results = json_body().get("results")
    chosen = {str(key): str(value) for key, value in _mapping(results).items()}
    return _told(product_calls.consent(this_world(), _person(person_id), app_id, chosen))


@blueprint.post("/call")
def call(person_id: str, app_id: str) -> JsonObject:
    """``{"method", "path", "body"?, "key"?}`` on the product, as this person."""
    wanted = json_body()
    body, key = wanted.get("body"), wanted.get("key")
    return _told(
        product_calls.call(
            this_world(),
            _person(person_id),
            app_id,
            str(wanted.get("method", "GET")),
            str(wanted.get("path", "")),
            None if body is None else _mapping(body),
            key=str(key) if key else None,
        )
    )


@blueprint.get("/shown")
def shown(person_id: str, app_id: str) -> JsonObject:
    """The codes on the screens around, for the camera."""
    return {
        "items": [
            {"who": one.person.nickname, "number": one.number, "text": one.text}
            for one in product_calls.shown_now(this_world())
        ]
    }


def _told(answer: Answer) -> JsonObject:
    return {"status": answer.status, "body": dict(answer.body)}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _person(person_id: str) -> Person:
    person = person_with_id(this_world().store, person_id)
    if person is None:
        abort(404)
    return person
