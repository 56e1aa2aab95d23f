"""How the desk looks and speaks: Chinese everywhere, readable colours, nothing inline, one voice
(ux.md 8.1–8.3; traps S5, S7, 16–23, 27, 30, 31)."""

import re
import warnings
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask, url_for

import admin
from admin import columns, words
from admin.base import SecureModelView
from admin.people import People
from backend import tenancy
from backend.merchants.models import Role
from backend.messaging.models import Channel, IntentState, Outcome, Purpose
from tests.admin.desk import Rows, Visitor, at_desk, everything
from tests.admin.test_access import PAGES
from tests.admin.test_tenants import DETAILS, EDITS
from tests.builders import a_member, a_shop

ROOT = Path(admin.__file__).parent
CSS = (ROOT / "static" / "desk.css").read_text()
LATIN = re.compile(r"[A-Za-z]")
HAN = re.compile(r"[\u4e00-\u9fff]")
ALLOWED = re.compile(r"^(Excel|POS|ID|[\w.@-]*\d[\w.@-]*|s01|boss|owner-[\w-]+|clerk-[\w-]+)$")


class Page(HTMLParser):
    """What a page says and how it is built."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        labels = {"label", "th", "button", "a", "h1", "h2", "dt", "option", "b", "title", "legend"}
        if data.strip() and labels & set(self.inside) and "script" not in self.inside:
            self.said.append(data.strip())


def every_page(visitor: Visitor, rows: Rows) -> dict[str, str]:
    """Each page of the desk as its owner reads it."""
    details = [f"/admin/{name}/details/?id={rows.of(name)}" for name in DETAILS]
    edits = [f"/admin/{name}/edit/?id={rows.of(name)}" for name in EDITS]
    lists = [path for path in PAGES if "export" not in path]
    more = ["/admin/campaigns/new/?kind=class_marketing"]
    return {path: visitor.read(path) for path in (*lists, *details, *edits, *more)}


def test_every_page_speaks_chinese_and_runs_nothing_inline(app: Flask) -> None:
    shop = a_shop("测试")
    pages = every_page(at_desk(app, shop), everything(shop))
    for path, text in pages.items():
        page = Page(text)
        for said in page.said:
            latin_only = LATIN.search(said) and not HAN.search(said)
            assert not latin_only or ALLOWED.match(said), f"{path}: {said}"
        for tag, name, value in page.attributes:
            assert not name.startswith("on"), f"{path}: {tag} {name}"
            assert name != "style", f"{path}: {tag} {value}"
            if name in ("href", "src", "action") or name.startswith("hx-"):
                assert not value.startswith(("http", "//", "javascript:")), f"{path}: {value}"
        assert not re.search(r"<script(?![^>]*(src=|application/json))", text), path
        forms = text.count('method="post"')
        assert text.count('name="csrf_token"') == forms, path


def test_the_login_and_the_error_pages_speak_chinese(app: Flask) -> None:
    visitor = Visitor(app)
    assert "商家后台登录" in visitor.read("/admin/login")
    signed_in = at_desk(app, a_shop())
    assert "内容不存在" in signed_in.open("/admin/nowhere").get_data(as_text=True)
    assert "内容不存在" in signed_in.open("/admin/members/details/?id=9").get_data(as_text=True)
    assert "页面已过期" in signed_in.browser.post("/admin/logout").get_data(as_text=True)


def test_form_errors_are_chinese(app: Flask) -> None:
    """Traps 18 and 19."""
    visitor = at_desk(app, a_shop())
    visitor.read("/admin/templates/new/")
    sent = visitor.send("/admin/templates/new/", kind="cash", weekdays="9", title="")
    wrong = re.findall(r'class="wrong"[^>]*>([^<]+)<', sent.get_data(as_text=True))
    assert wrong and all(HAN.search(text) for text in wrong), wrong


def tokens() -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", CSS))


PAIRS = [
    ("ink", "page"), ("ink", "card"), ("ink-2", "card"), ("ink-2", "page"), ("ink-3", "card"),
    ("brand", "card"), ("brand", "brand-weak"), ("card", "brand"), ("card", "brand-dark"),
    ("ok", "ok-weak"), ("warn", "warn-weak"), ("bad", "bad-weak"), ("info", "info-weak"),
    ("bad", "card"), ("coupon", "coupon-weak"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read_on_its_ground(text: str, ground: str) -> None:
    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    first, second = sorted((light(tokens()[text]), light(tokens()[ground])), reverse=True)
    assert (first + 0.05) / (second + 0.05) >= 4.5


def test_nothing_is_fetched_from_elsewhere_and_versions_are_pinned() -> None:
    """Traps 21, 22, 30."""
    vendor = ROOT / "static" / "vendor"
    assert 'version:"2.0.11"' in (vendor / "htmx.min.js").read_text()
    assert not list(vendor.glob("jquery*"))
    readme = (vendor / "README.md").read_text()
    for file in vendor.glob("*.min.js"):
        assert f"| {file.name} |" in readme
    for template in ROOT.glob("templates/desk/*.html"):
        text = template.read_text()
        assert "echarts" not in text or template.name == "overview.html"


def test_every_status_has_its_word() -> None:
    for enum, known in (
        (Purpose, words.PURPOSES), (Channel, words.CHANNELS), (Outcome, words.OUTCOMES),
        (IntentState, words.INTENT_STATES), (Role, words.ROLES),
    ):  # fmt: skip
        assert {member.value for member in enum} == set(known)


def test_every_list_is_closed_unless_it_says_otherwise(app: Flask) -> None:
    """D-7: deny by default; traps 4, 20, 27."""
    (desk,) = app.extensions["admin"]
    lists = [view for view in desk._views if isinstance(view, SecureModelView)]
    assert len({view.endpoint for view in desk._views}) == len(desk._views)
    for view in lists:
        assert view.right is not None
        assert not view.can_delete and not view.column_editable_list and not view.form_ajax_refs
        assert "delete" in view.action_disallowed_list and not view.named_filter_urls
        assert (view.can_create or view.can_edit) <= (view.edit_right is not None)
    assert SecureModelView.right is None and not SecureModelView.can_create


def test_a_type_error_of_ours_is_shown_as_it_is_and_happens_once(app: Flask) -> None:
    """Trap 6."""
    visitor = at_desk(app, a_shop())
    runs: list[int] = []

    class Broken(People):
        def index(self) -> str:
            runs.append(1)
            raise TypeError("ours")

    (desk,) = app.extensions["admin"]
    view = next(v for v in desk._views if v.endpoint == "staff")
    with (
        app.test_request_context("/admin/staff/", headers={"Cookie": _cookie(visitor)}),
        pytest.raises(TypeError, match="ours"),
    ):
        view._run_view(Broken.index)
    assert runs == [1]


def _cookie(visitor: Visitor) -> str:
    cookie = visitor.browser.get_cookie("desk")
    assert cookie is not None
    return f"desk={cookie.value}"


def test_a_row_is_found_by_number_or_text_and_only_if_visible(app: Flask) -> None:
    """Traps S1 and 7."""
    shop = a_shop()
    rows = everything(shop)
    (desk,) = app.extensions["admin"]
    members = next(v for v in desk._views if v.endpoint == "members")
    cookie = _cookie(at_desk(app, shop))
    with (
        app.test_request_context("/admin/members/", headers={"Cookie": cookie}),
        tenancy.acting_for(shop.merchant_id),
    ):
        assert members.get_one(rows.members).id == members.get_one(str(rows.members)).id
        assert members.get_one("1,2") is None


def test_registering_the_desk_prints_and_warns_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Traps 16, 17, 20: Group's left-over print, missing fields, sessions for sessions."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fresh = Flask("fresh")
        fresh.config.update(PUBLIC_URL="http://127.0.0.1", SECRET_KEY="x" * 32)
        admin.register(fresh)
    assert capsys.readouterr().out == ""
    with fresh.test_request_context():
        assert url_for("coupons.index_view") == "/admin/coupons/"


def test_json_is_never_edited_as_text(app: Flask) -> None:
    """Trap 23."""
    shop = a_shop()
    pages = every_page(at_desk(app, shop), everything(shop))
    for path, text in pages.items():
        for area in re.findall(r"<textarea[^>]*>([^<]*)", text):
            assert "{" not in area, path


def test_emoji_in_a_nickname_are_shown(app: Flask) -> None:
    """Trap 31."""
    shop = a_shop()
    a_member(shop, nickname="陈秀🌸👨‍👩‍👧")
    assert "陈秀🌸👨‍👩‍👧" in at_desk(app, shop).read("/admin/members/")


def test_what_people_call_themselves_is_text_not_markup(app: Flask) -> None:
    """I-01, I-12."""
    shop = a_shop()
    rows = everything(shop, nickname="<img src=x onerror=alert(1)>{{123*4567}}")
    pages = every_page(at_desk(app, shop), rows)
    assert not [path for path, text in pages.items() if "<img src=x" in text or "561741" in text]


def test_yuan_and_nothing_read_well() -> None:
    assert columns.yuan(123450) == "¥1,234.50"
    assert "—" in columns.yuan(None) and "—" in columns.plain("")
    assert "未绑定" in columns.masked_phone(None)
    assert columns.masked_phone("18100004469") == "181****4469"
