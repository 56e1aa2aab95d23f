"""The product's set-up file, read for what WeChat itself would know: accounts, templates, codes."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from ruamel.yaml import YAML

from scripts.wechat_platform.accounts import (
    Account,
    Kind,
    Template,
    add_account,
    add_templates,
)
from scripts.wechat_platform.pay_accounts import PayAccount, add_pay_account, public_pem_of
from scripts.wechat_platform.scenes import new_scene
from scripts.wechat_platform.store import Store

_LABELS = {
    "title": "券名称",
    "count": "张数",
    "number": "券号",
    "store": "门店",
    "merchant": "商家",
    "valid_from": "开始时间",
    "valid_to": "有效期至",
    "amount": "金额",
    "points": "积分变动",
    "points_total": "当前积分",
    "level": "会员等级",
    "time": "时间",
    "remark": "备注",
}
_TITLES = {
    "coupon_received": "优惠券到账通知",
    "coupons_waiting": "优惠券待领取提醒",
    "coupon_expiring": "优惠券到期提醒",
    "coupon_redeemed": "优惠券使用通知",
    "gift_received": "收到转赠通知",
    "gift_taken_back": "转赠收回通知",
    "consumption_complete": "消费完成通知",
    "points_changed": "积分变动通知",
    "level_changed": "会员等级变更通知",
    "balance_changed": "余额变动通知",
    "mall_purchase": "购买成功通知",
}

OPERATOR = "operator"  # union group of the accounts that merchants share

Entry = Mapping[str, object]


def load_setup(store: Store, path: Path) -> None:
    """Make or bring up to date what the file names; the rest is left alone."""
    content = YAML(typ="safe").load(path)
    operator = content.get("operator") or {}
    merchants = _entries(content, "merchants")
    with store.transaction():
        for entry in _entries(operator, "wechat"):
            _load_account(store, entry, owner=str(operator.get("name", "运营者")), group=OPERATOR)
        for merchant in merchants:
            _load_merchant(store, merchant)
            _load_pay_account(store, merchant, shared=_entries(operator, "wechat"))
        for merchant in merchants:
            _load_store_codes(store, merchant, shared=_entries(operator, "wechat"))


def _load_merchant(store: Store, merchant: Entry) -> None:
    for entry in _entries(merchant, "wechat"):
        _load_account(
            store,
            entry,
            owner=str(merchant.get("name", merchant["code"])),
            group=f"merchant:{merchant['code']}",
        )
    for message in _entries(merchant, "messages"):
        if message.get("template_id") and message.get("app_id"):
            _load_template(store, message)


def _load_pay_account(store: Store, merchant: Entry, *, shared: list[Entry]) -> None:
    """商户号: bound to the merchant's apps and the shared ones. Its key is told by its certificate
    in reality, here by the private key."""
    entry = merchant.get("wechat_pay")
    if not isinstance(entry, Mapping):
        return
    apps = [*_entries(merchant, "wechat"), *shared]
    add_pay_account(
        store,
        PayAccount(
            mch_id=str(entry["mch_id"]),
            serial_no=str(entry["serial_no"]),
            public_key=public_pem_of(str(entry["private_key"])),
            api_v3_key=str(entry["api_v3_key"]),
            name=str(merchant.get("name", merchant["code"])),
            apps=tuple(str(app["app_id"]) for app in apps),
        ),
    )


def _load_account(store: Store, entry: Entry, *, owner: str, group: str) -> None:
    kind = Kind(str(entry["kind"]))
    add_account(
        store,
        Account(
            app_id=str(entry["app_id"]),
            kind=kind,
            secret=str(entry["secret"]),
            token=_text(entry, "token"),
            aes_key=_text(entry, "aes_key"),
            name=owner,
            union_group=group,
        ),
    )


def _load_template(store: Store, message: Entry) -> None:
    purpose, fields = str(message.get("purpose", "")), message.get("fields")
    labels = {
        str(key): _LABELS.get(str(source), str(source))
        for key, source in (fields.items() if isinstance(fields, Mapping) else ())
    }
    template = Template(str(message["template_id"]), _TITLES.get(purpose, "服务通知"), labels)
    add_templates(store, str(message["app_id"]), [template])


def _load_store_codes(store: Store, merchant: Entry, *, shared: list[Entry]) -> None:
    """A code ``s:{merchant}:{store}`` for each store at the account its customers follow."""
    own = [*_apps(_entries(merchant, "wechat"), Kind.OFFICIAL_ACCOUNT)]
    for app_id in own or [*_apps(shared, Kind.OFFICIAL_ACCOUNT)]:
        account = Account(app_id, Kind.OFFICIAL_ACCOUNT, "")
        for place in _entries(merchant, "stores"):
            scene = f"s:{merchant['code']}:{place['code']}"
            title = f"{merchant.get('name', '')} · {place.get('name', place['code'])}"
            store.run("DELETE FROM scene WHERE app_id=? AND scene=?", app_id, scene)
            new_scene(store, account, scene, title=title)


def _apps(entries: list[Entry], kind: Kind) -> Iterator[str]:
    return (str(entry["app_id"]) for entry in entries if entry.get("kind") == kind)


def _entries(content: Entry, name: str) -> list[Entry]:
    found = content.get(name)
    return list(found) if isinstance(found, list) else []


def _text(entry: Entry, name: str) -> str | None:
    value = entry.get(name)
    return str(value) if value else None
