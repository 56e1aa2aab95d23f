"""Start the platform, in this process, and hold it by its handle.

platform = start_platform(deliver=push_into_the_test_client)
platform.account("wxoa", "official_account", "secret", token="t")
anna = platform.person(nickname="安娜")
platform.follow(anna, "wxoa", scene="s:xinghuo:s01")
assert platform.delivered(anna) == []
platform.stop()
"""

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from scripts.wechat_platform import deeds, pay_orders
from scripts.wechat_platform.accounts import (
    Account,
    Kind,
    Template,
    add_account,
    add_templates,
)
from scripts.wechat_platform.application import make_app
from scripts.wechat_platform.chat import Message, chat_with, delivered
from scripts.wechat_platform.codes import Purpose, new_code
from scripts.wechat_platform.faults import Fault, Faults
from scripts.wechat_platform.pay_accounts import PayCredentials, new_pay_account
from scripts.wechat_platform.pay_notices import (
    DeliverNotice,
    Notices,
    NoticeSpoil,
    Told,
    post_notice,
)
from scripts.wechat_platform.pay_orders import Order
from scripts.wechat_platform.pay_refunds import Refund, all_refunds, end_refund
from scripts.wechat_platform.people import Person, add_person, openid_of, unionid_of
from scripts.wechat_platform.pushes import Deliver, Pushed, Pushes, Spoil, post_to_product
from scripts.wechat_platform.setup_file import load_setup
from scripts.wechat_platform.store import Store
from scripts.wechat_platform.tokens import expire_tokens
from scripts.wechat_platform.wiping import wipe
from scripts.wechat_platform.world import World


def start_platform(
    port: int = 0,
    product: str | None = None,
    *,
    deliver: Deliver | None = None,
    data: Path | None = None,
    setup: Path | None = None,
    retry_pause: float = 0.0,
) -> "Platform":
    """Serve on loopback. With ``data`` everything survives a restart; ``setup`` is read first.

    With a ``product`` finish events are pushed from the background; with only ``deliver`` they
    wait for ``push_waiting()``, so that a test decides when. With neither, pushes go nowhere.
    """
    store = Store(data / "wechat-platform.sqlite" if data else None)
    if setup:
        load_setup(store, setup)
    in_background = product is not None and deliver is None
    pushes = Pushes(
        store,
        deliver=deliver or (post_to_product if product else _into_the_void),
        product=product,
        in_background=in_background,
        retry_pause=retry_pause,
    )
    notices = Notices(
        store,
        deliver=post_notice if product else _unheard,
        product=product,
        in_background=in_background,
        retry_pause=retry_pause,
    )
    notices.before_sending = partial(end_refund, store)
    return Platform(World(store, Faults(), pushes, notices, product), port)


class Platform:
    """A running platform."""

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        self._server = make_server(
            "127.0.0.1", port, make_app(world), threaded=True, request_handler=_Quiet
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="wechat-platform", daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self.world.faults.stop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.world.pushes.stop()
        self.world.notices.stop()
        self.world.store.close()

    @property
    def deliver(self) -> Deliver:
        """How pushes reach the product; a test may take another road."""
        return self.world.pushes.deliver

    @deliver.setter
    def deliver(self, road: Deliver) -> None:
        self.world.pushes.deliver = road

    @property
    def deliver_notice(self) -> DeliverNotice:
        """How WeChat Pay's notices reach the product: ``(url, headers, body)``."""
        return self.world.notices.deliver

    @deliver_notice.setter
    def deliver_notice(self, road: DeliverNotice) -> None:
        self.world.notices.deliver = road

    def reset(self) -> None:
        """Forget people, messages, tokens and faults; accounts stay."""
        wipe(self.world)

    def account(
        self,
        app_id: str,
        kind: str,
        secret: str,
        token: str | None = None,
        aes_key: str | None = None,
        *,
        name: str = "",
        union_group: str | None = "default",
        pages: Sequence[str] | None = None,
        templates: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Account:
        """``templates``: id → fields (keyword → label); without any, every id is taken."""
        known_pages = None if pages is None else tuple(pages)
        account = Account(
            app_id, Kind(kind), secret, token, aes_key, name, union_group, known_pages
        )
        add_account(self.world.store, account)
        listed = (Template(key, "通知", fields) for key, fields in (templates or {}).items())
        add_templates(self.world.store, app_id, listed)
        return account

    def pay_account(
        self, mch_id: str, *, name: str = "", apps: Sequence[str] | None = None
    ) -> PayCredentials:
        """A 商户号 with its keys; without ``apps`` any app may order with it."""
        bound = None if apps is None else tuple(apps)
        return new_pay_account(self.world.store, mch_id, name=name, apps=bound)

    def person(self, nickname: str = "微信用户", phone: str | None = None) -> Person:
        return add_person(self.world.store, nickname, phone=phone, now=self.world.clock())

    def openid(self, person: Person, app_id: str) -> str:
        return openid_of(self.world.store, person, app_id)

    def unionid(self, person: Person, account: Account) -> str | None:
        return unionid_of(person, account)

    def login_code(self, person: Person, app_id: str) -> str:
        return self._code(person, app_id, Purpose.LOGIN)

    def phone_code(self, person: Person, app_id: str) -> str:
        return self._code(person, app_id, Purpose.PHONE)

    def oauth_code(self, person: Person, app_id: str, scope: str = "snsapi_base") -> str:
        return self._code(person, app_id, Purpose.OAUTH, scope)

    def choose(self, person: Person | None) -> None:
        """Who opens web pages from now on."""
        self.world.chosen = person.id if person else None

    def follow(self, person: Person, app_id: str, scene: str | None = None) -> Pushed | None:
        return deeds.follow(self.world, person, app_id, scene=scene)

    def unfollow(self, person: Person, app_id: str) -> Pushed | None:
        return deeds.unfollow(self.world, person, app_id)

    def scan(self, person: Person, app_id: str, scene: str) -> Pushed | None:
        return deeds.scan(self.world, person, app_id, scene)

    def say(self, person: Person, app_id: str, text: str) -> Pushed | None:
        return deeds.say(self.world, person, app_id, text)

    def click(self, person: Person, app_id: str, key: str) -> Pushed | None:
        return deeds.click(self.world, person, app_id, key)

    def accept(
        self, person: Person, app_id: str, template_id: str, times: int = 1
    ) -> Pushed | None:
        return self.answer(person, app_id, {template_id: "accept"}, times=times)

    def answer(
        self, person: Person, app_id: str, results: Mapping[str, str], *, times: int = 1
    ) -> Pushed | None:
        """accept, reject or ban per template."""
        return deeds.answer_subscription(self.world, person, app_id, results, times=times)

    def pay(self, person: Person, prepay_id: str) -> Told:
        """确认支付; the merchant is told at once, and again by ``push_waiting`` until it is good.

        ``PayError`` where the sheet would not open.
        """
        return pay_orders.pay(self.world, person, prepay_id)

    def orders(self) -> list[Order]:
        return pay_orders.all_orders(self.world.store)

    def refunds(self) -> list[Refund]:
        return all_refunds(self.world.store)

    def notices(self) -> list[Told]:
        return self.world.notices.all()

    def end_next_refund(self, state: str) -> None:
        """The next refund does not end in SUCCESS: CLOSED or ABNORMAL."""
        self.world.refund_ends.append(state)

    def spoil_notices(
        self,
        *,
        duplicates: int = 0,
        wrong_signature: bool = False,
        age: float = 0.0,
        times: int = 1,
    ) -> None:
        """The next ``times`` notices of WeChat Pay come twice or more, wrongly signed, or old."""
        self.world.notices.spoil(NoticeSpoil(duplicates, wrong_signature, age, times))

    def delivered(self, person: Person | None = None) -> list[Message]:
        """Every accepted send, oldest first: the judge of "no message twice"."""
        return delivered(self.world.store, person_id=person.id if person else None)

    def chat(self, person: Person, app_id: str) -> list[Message]:
        """All that stands in a chat: sends, passive replies, what the person wrote."""
        return chat_with(self.world.store, self.openid(person, app_id), app_id)

    def fail(
        self,
        path: str,
        *,
        errcode: int | None = None,
        status: int = 200,
        hang: float = 0.0,
        html: bool = False,
        truncate: bool = False,
        carried_out: bool = False,
        times: int = 1,
        code: str | None = None,
    ) -> None:
        """The next ``times`` calls of the path fail so; see ``faults.Fault``."""
        self.world.faults.add(
            Fault(path, errcode, status, hang, html, truncate, carried_out, times, code)
        )

    def calls(self, path: str) -> int:
        return self.world.faults.calls().get(path, 0)

    def expire_tokens(self, app_id: str) -> None:
        expire_tokens(self.world.store, app_id, now=self.world.clock())

    def spoil_pushes(
        self,
        *,
        duplicates: int = 0,
        wrong_signature: bool = False,
        delay: float = 0.0,
        times: int = 1,
    ) -> None:
        """The next ``times`` pushes come twice or more, wrongly signed, or late."""
        self.world.pushes.spoil(Spoil(duplicates, wrong_signature, delay, times))

    def push_waiting(self) -> int:
        """Push the finish events of the sends so far, and WeChat Pay's notices that nobody has
        taken yet (only without ``product``); how many."""
        return self.world.pushes.push_waiting() + self.world.notices.send_waiting()

    def _code(self, person: Person, app_id: str, purpose: Purpose, scope: str = "") -> str:
        return new_code(
            self.world.store, person, app_id, purpose, scope=scope, now=self.world.clock()
        )


class _Quiet(WSGIRequestHandler):
    """Keeps connections, writes no log."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        return


def _into_the_void(
    url: str, query: dict[str, str], body: bytes, content_type: str
) -> tuple[int, bytes]:
    return 200, b"success"


def _unheard(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    return 204, b""
