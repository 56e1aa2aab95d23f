"""The phone page: a visitor of the demo is a WeChat user here, and a verifier if they like."""

from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from scripts.wechat_platform import deeds
from scripts.wechat_platform.accounts import (
    Account,
    Kind,
    all_accounts,
    known_account,
    templates_of,
)
from scripts.wechat_platform.api_messages import menu_of
from scripts.wechat_platform.cards import Card, card_of, last_line
from scripts.wechat_platform.chat import Channel, chat_with
from scripts.wechat_platform.people import (
    Person,
    add_person,
    all_people,
    follow_of,
    openid_of,
    person_with_id,
)
from scripts.wechat_platform.scenes import scene_with_ticket, scenes_of
from scripts.wechat_platform.setup_file import OPERATOR
from scripts.wechat_platform.world import this_world

blueprint = Blueprint("phone", __name__)


@blueprint.get("/")
def people() -> str:
    world = this_world()
    till = f"{world.product}/demo/pos/" if world.product else ""
    return render_template("people.html", people=all_people(world.store), till=till)


@blueprint.post("/people")
def make_person() -> AnyResponse:
    world = this_world()
    nickname = request.form.get("nickname", "").strip()[:20] or "微信用户"
    phone = request.form.get("phone", "").strip() or None
    person = add_person(world.store, nickname, phone=phone, now=world.clock())
    return redirect(_address(person))


@blueprint.get("/phone/<person_id>")
def chats(person_id: str) -> AnyResponse:
    """Conversations: official accounts, service notices, mini-programs."""
    person, store = _person(person_id), this_world().store
    accounts = all_accounts(store)
    rows = [
        (account, _following(person, account), _last(person, account))
        for account in accounts
        if account.kind is Kind.OFFICIAL_ACCOUNT
    ]
    minis = [account for account in accounts if account.kind is Kind.MINIPROGRAM]
    notices = _notices(person, minis)
    return _page("chats.html", person, accounts=rows, minis=minis, notices=notices)


@blueprint.get("/phone/<person_id>/notices")
def notices(person_id: str) -> AnyResponse:
    """服务通知: what mini-programs sent."""
    person = _person(person_id)
    minis = [a for a in all_accounts(this_world().store) if a.kind is Kind.MINIPROGRAM]
    return _page("notices.html", person, notices=_notices(person, minis))


@blueprint.get("/phone/<person_id>/scan")
def scanner(person_id: str) -> AnyResponse:
    """扫一扫: the codes that hang in the stores."""
    world, person = this_world(), _person(person_id)
    names = {account.app_id: account.name for account in all_accounts(world.store)}
    return _page(
        "scan.html",
        person,
        names=names,
        official=scenes_of(world.store, Kind.OFFICIAL_ACCOUNT, now=world.clock()),
        mini=scenes_of(world.store, Kind.MINIPROGRAM, now=world.clock()),
    )


@blueprint.get("/scan")
def scanned_by_camera() -> AnyResponse:
    """A printed code read by a real camera: the person of this browser scans it."""
    person = person_with_id(this_world().store, request.cookies.get("wechat_person", ""))
    if person is None:
        return redirect("/")
    return _scan_ticket(person, request.args.get("ticket", ""))


@blueprint.post("/phone/<person_id>/scan")
def scan(person_id: str) -> AnyResponse:
    """A code on a wall, or any other whose text is an address: a receipt's, a table's."""
    person, address = _person(person_id), request.form.get("address", "").strip()
    if not address:
        return _scan_ticket(person, request.form.get("ticket", ""))
    if not address.startswith(("http://", "https://")):
        return redirect(f"{_address(person)}/scan")
    if (mini := _mini_for(address)) is not None:
        link = quote(address, safe="")
        return redirect(f"{_address(person)}/mini/{quote(mini.app_id)}?q={link}")
    this_world().chosen = person.id
    joint = "&" if "?" in address else "?"
    return redirect(f"{address}{joint}local_wechat=1")


@blueprint.get("/phone/<person_id>/oa/<app_id>")
def chat(person_id: str, app_id: str) -> AnyResponse:
    person, account = _person(person_id), known_account(this_world().store, app_id)
    return _page(
        "chat.html",
        person,
        account=account,
        following=_following(person, account),
        lines=_lines(person, account),
        menu=menu_of(app_id),
    )


@blueprint.post("/phone/<person_id>/oa/<app_id>/<deed>")
def act(person_id: str, app_id: str, deed: str) -> AnyResponse:
    """follow, unfollow, say, click."""
    world, person = this_world(), _person(person_id)
    if deed == "follow":
        deeds.follow(world, person, app_id)
    elif deed == "unfollow":
        deeds.unfollow(world, person, app_id)
    elif deed == "say" and request.form.get("text", "").strip():
        deeds.say(world, person, app_id, request.form["text"].strip())
    elif deed == "click":
        deeds.click(world, person, app_id, request.form.get("key", ""))
    return redirect(f"{_address(person)}/oa/{quote(app_id)}")


@blueprint.get("/phone/<person_id>/count")
def count(person_id: str) -> dict[str, int]:
    """How many messages this phone holds: pages look again when it changes."""
    row = this_world().store.row(
        "SELECT count(*) AS messages FROM message JOIN identity USING (app_id, openid)"
        " WHERE person_id=?",
        person_id,
    )
    return {"messages": row["messages"] if row else 0}


@blueprint.get("/phone/<person_id>/mini/<app_id>")
def mini(person_id: str, app_id: str) -> AnyResponse:
    """A mini-program, opened from the list, from a message or by its code."""
    person, account = _person(person_id), known_account(this_world().store, app_id)
    templates = [
        {"id": template.template_id, "title": template.title}
        for template in templates_of(this_world().store, app_id)
    ]
    return _page(
        "mini.html",
        person,
        account=account,
        start={
            "address": f"{_address(person)}/mini/{quote(app_id)}",
            "scene": request.args.get("scene", ""),
            "link": request.args.get("q", ""),
            "person": {"id": person.id, "nickname": person.nickname, "phone": person.phone},
            "templates": templates,
            "stores": _stores() if account.union_group == OPERATOR else [],
        },
    )


def _mini_for(address: str) -> Account | None:
    """扫普通链接二维码打开小程序: a table's and a bill's addresses open the mini-program."""
    if not urlsplit(address).path.startswith(("/h5/bills/", "/h5/tables/")):
        return None
    accounts = all_accounts(this_world().store)
    return next((one for one in accounts if one.kind is Kind.MINIPROGRAM), None)


def _scan_ticket(person: Person, ticket: str) -> AnyResponse:
    world = this_world()
    scene = scene_with_ticket(world.store, ticket)
    if scene is None:
        abort(404)
    account = known_account(world.store, scene.app_id)
    if account.kind is Kind.MINIPROGRAM:
        return redirect(f"{_address(person)}/mini/{quote(scene.app_id)}?scene={quote(scene.scene)}")
    deeds.scan(world, person, scene.app_id, scene.scene)
    return redirect(f"{_address(person)}/oa/{quote(scene.app_id)}")


def _page(template: str, person: Person, **values: object) -> Response:
    """A screen of this person's phone; from now on web pages open as this person."""
    screen = render_template(template, person=person, phone=_address(person), **values)
    answer = make_response(screen)
    answer.set_cookie("wechat_person", person.id)
    this_world().chosen = person.id
    return answer


def _stores() -> list[dict[str, str]]:
    """Where one may be when a mini-program of many merchants asks: each store once."""
    world = this_world()
    codes = scenes_of(world.store, Kind.OFFICIAL_ACCOUNT, now=world.clock())
    return [
        {"scene": scene, "title": title}
        for scene, title in {c.scene: c.title for c in codes}.items()
        if title
    ]


def _lines(person: Person, account: Account) -> list[Card]:
    store = this_world().store
    messages = chat_with(store, openid_of(store, person, account.app_id), account.app_id)
    return [card_of(store, message, phone=_address(person)) for message in messages]


def _last(person: Person, account: Account) -> tuple[str, str]:
    lines = _lines(person, account)
    return (last_line(lines[-1]), lines[-1].at) if lines else ("", "")


def _notices(person: Person, minis: list[Account]) -> list[tuple[Account, Card]]:
    store, found = this_world().store, []
    for account in minis:
        for message in chat_with(store, openid_of(store, person, account.app_id), account.app_id):
            if message.channel in (Channel.SUBSCRIBE, Channel.CUSTOM):
                card = card_of(store, message, phone=_address(person))
                found.append((message.at, account, card))
    return [(account, card) for _, account, card in sorted(found, key=lambda one: -one[0])]


def _following(person: Person, account: Account) -> bool:
    store = this_world().store
    return follow_of(store, openid_of(store, person, account.app_id), account.app_id) is not None


def _person(person_id: str) -> Person:
    person = person_with_id(this_world().store, person_id)
    if person is None:
        abort(404)
    return person


def _address(person: Person) -> str:
    return f"/phone/{quote(person.id)}"
