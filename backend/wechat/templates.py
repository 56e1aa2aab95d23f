"""消息模板库: the templates an account has at WeChat, for staff to choose from (spec/06)."""

import re
from dataclasses import dataclass

from pydantic import JsonValue

from backend.wechat import gateway
from backend.wechat.errors import told_to_staff
from backend.wechat.models import AppKind, WechatApp


@dataclass(frozen=True)
class ListedTemplate:
    """One template; ``fields`` are WeChat's names (``thing1``) with their labels."""

    template_id: str
    title: str
    fields: dict[str, str]


def listed(app: WechatApp) -> list[ListedTemplate]:
    """订阅消息 of a mini-program, 模板消息 of an official account."""
    mini = app.kind == AppKind.MINIPROGRAM
    path = "/wxaapi/newtmpl/gettemplate" if mini else "/cgi-bin/template/get_all_private_template"
    name, key = ("data", "priTmplId") if mini else ("template_list", "template_id")
    with told_to_staff():
        rows = gateway.read(app, path, params={}, expects=(name,))[name]
    return [
        ListedTemplate(str(row[key]), str(row.get("title", "")), _fields(row.get("content")))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and row.get(key)
    ]


_FIELD = re.compile(r"([^\n:：{}]*)[:：]?\s*\{\{(\w+)\.DATA\}\}")


def _fields(content: JsonValue) -> dict[str, str]:
    return {name: label.strip() for label, name in _FIELD.findall(str(content or ""))}
