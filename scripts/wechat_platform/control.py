"""``/_sim/…``: the hand behind the scenes. JSON in, JSON out; unknown things answer 400."""

from dataclasses import asdict

from flask import Blueprint, request

from scripts.wechat_platform.accounts import (
    Account,
    Kind,
    Template,
    add_account,
    add_templates,
    all_accounts,
)
from scripts.wechat_platform.calls import JsonObject, json_body
from scripts.wechat_platform.chat import delivered
from scripts.wechat_platform.codes import Purpose, new_code
from scripts.wechat_platform.deeds import (
    answer_subscription,
    click,
    follow,
    say,
    scan,
    unfollow,
)
from scripts.wechat_platform.faults import Fault
from scripts.wechat_platform.people import (
    Person,
    add_person,
    all_people,
    openid_of,
    person_with_id,
)
from scripts.wechat_platform.pushes import Pushed, Spoil
from scripts.wechat_platform.tokens import expire_tokens
from scripts.wechat_platform.wiping import wipe
from scripts.wechat_platform.world import this_world

blueprint = Blueprint("control", __name__, url_prefix="/_sim")

Answer = JsonObject | tuple[JsonObject, int]


@blueprint.errorhandler(KeyError)
def _missing(problem: KeyError) -> Answer:
    return {"error": f"missing or unknown: {problem}"}, 400


@blueprint.errorhandler(TypeError)
@blueprint.errorhandler(ValueError)
def _wrong(problem: Exception) -> Answer:
    return {"error": str(problem)}, 400


@blueprint.get("/accounts")
def accounts() -> Answer:
    return {"items": [asdict(account) for account in all_accounts(this_world().store)]}


@blueprint.post("/accounts")
def make_account() -> Answer:
    """``{app_id, kind, secret, token?, aes_key?, name?, union_group?, pages?, templates?}``."""
    body = json_body()
    templates, pages = body.pop("templates", []), body.pop("pages", None)
    known_pages = tuple(str(page) for page in pages) if isinstance(pages, list) else None
    body["kind"] = Kind(str(body["kind"]))
    account = Account(**body, pages=known_pages)  # type: ignore[arg-type]
    store = this_world().store
    add_account(store, account)
    if isinstance(templates, list):
        add_templates(store, account.app_id, [_template(entry) for entry in templates])
    return asdict(account), 201


@blueprint.get("/people")
def people() -> Answer:
    return {"items": [asdict(person) for person in all_people(this_world().store)]}


@blueprint.post("/people")
def make_person() -> Answer:
    """``{nickname, phone?, id?}``."""
    world, body = this_world(), json_body()
    person = add_person(
        world.store,
        str(body["nickname"]),
        phone=_optional(body, "phone"),
        id=_optional(body, "id"),
        now=world.clock(),
    )
    return asdict(person), 201


@blueprint.get("/openid")
def openid() -> Answer:
    """``?person=&app_id=``."""
    person = _person(request.args["person"])
    return {"openid": openid_of(this_world().store, person, request.args["app_id"])}


@blueprint.post("/codes")
def make_code() -> Answer:
    """``{person, app_id, purpose: login | phone | oauth}``."""
    world, body = this_world(), json_body()
    purpose = Purpose(str(body.get("purpose", "login")))
    person, app_id = _person(body["person"]), str(body["app_id"])
    return {"code": new_code(world.store, person, app_id, purpose, now=world.clock())}, 201


@blueprint.post("/chosen")
def choose() -> Answer:
    """``{person}``: who opens web pages from now on."""
    this_world().chosen = _person(json_body()["person"]).id
    return {}


@blueprint.post("/follow")
def do_follow() -> Answer:
    """``{person, app_id, scene?}``; like its neighbours it answers what became of the push."""
    person, app_id, body = _doer()
    return _told(follow(this_world(), person, app_id, scene=_optional(body, "scene")))


@blueprint.post("/unfollow")
def do_unfollow() -> Answer:
    person, app_id, _ = _doer()
    return _told(unfollow(this_world(), person, app_id))


@blueprint.post("/scan")
def do_scan() -> Answer:
    person, app_id, body = _doer()
    return _told(scan(this_world(), person, app_id, str(body["scene"])))


@blueprint.post("/say")
def do_say() -> Answer:
    person, app_id, body = _doer()
    return _told(say(this_world(), person, app_id, str(body["text"])))


@blueprint.post("/click")
def do_click() -> Answer:
    person, app_id, body = _doer()
    return _told(click(this_world(), person, app_id, str(body["key"])))


@blueprint.post("/consents")
def do_consent() -> Answer:
    """``{person, app_id, results: {template_id: accept | reject | ban}, times?}``."""
    person, app_id, body = _doer()
    results = body["results"]
    if not isinstance(results, dict):
        raise ValueError("results must be an object")
    times = int(str(body.get("times", 1)))
    return _told(answer_subscription(this_world(), person, app_id, results, times=times))


@blueprint.post("/faults")
def make_fault() -> Answer:
    """``{path, errcode? | status? | html? | hang? | truncate?, carried_out?, times?}``."""
    fault = Fault(**json_body())  # type: ignore[arg-type]
    this_world().faults.add(fault)
    return asdict(fault), 201


@blueprint.delete("/faults")
def drop_faults() -> Answer:
    this_world().faults.forget()
    this_world().pushes.forget()
    return {}


@blueprint.post("/push-faults")
def spoil_pushes() -> Answer:
    """``{duplicates?, wrong_signature?, delay?, times?}`` for the next pushes."""
    spoil = Spoil(**json_body())  # type: ignore[arg-type]
    this_world().pushes.spoil(spoil)
    return asdict(spoil), 201


@blueprint.post("/tokens/expire")
def expire() -> Answer:
    """``{app_id}``."""
    world = this_world()
    app_id = str(json_body()["app_id"])
    return {"expired": expire_tokens(world.store, app_id, now=world.clock())}


@blueprint.get("/calls")
def calls() -> Answer:
    return {"items": this_world().faults.calls()}


@blueprint.get("/deliveries")
def deliveries() -> Answer:
    """``?person=``: every accepted send, oldest first."""
    found = delivered(this_world().store, person_id=request.args.get("person"))
    return {"items": [asdict(message) for message in found]}


@blueprint.get("/pushes")
def pushes() -> Answer:
    rows = this_world().store.rows("SELECT * FROM push ORDER BY id")
    return {"items": [dict(row) for row in rows]}


@blueprint.post("/wipe")
def wipe_all() -> Answer:
    """``{}`` or ``{"accounts": true}``."""
    raw = request.get_data()
    wipe(this_world(), accounts=bool(raw and json_body().get("accounts")))
    return {}


def _doer() -> tuple[Person, str, JsonObject]:
    body = json_body()
    return _person(body["person"]), str(body["app_id"]), body


def _person(person_id: object) -> Person:
    person = person_with_id(this_world().store, str(person_id))
    if person is None:
        raise KeyError(f"person {person_id}")
    return person


def _template(entry: object) -> Template:
    if isinstance(entry, dict):
        return Template(str(entry["id"]), str(entry.get("title", "通知")), entry.get("fields", {}))
    return Template(str(entry), "通知", {})


def _optional(body: JsonObject, name: str) -> str | None:
    return str(body[name]) if body.get(name) else None


def _told(pushed: Pushed | None) -> Answer:
    return {"pushed": None if pushed is None else asdict(pushed)}
