"""导出设置: the file that, applied again, changes nothing. Secrets and passwords are left out."""

from collections.abc import Mapping
from io import StringIO

from pydantic import JsonValue
from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.merchants.models import Merchant, Operator
from backend.setup.sections import (
    campaigns,
    levels,
    messages,
    profile,
    staff,
    stores,
    templates,
    wechat,
    wechat_pay,
)


def export() -> str:
    """设置文件 of what is set up now, as YAML 1.2."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _InOrder
    yaml.default_flow_style = None
    yaml.allow_unicode = True
    yaml.width = 100
    out = StringIO()
    yaml.dump(_content(), out)
    return out.getvalue()


class _InOrder(SafeRepresenter):
    """Keys in the order they were put, as people wrote the file."""


def _mapping(representer: _InOrder, content: dict[str, JsonValue]) -> object:
    return representer.represent_mapping("tag:yaml.org,2002:map", list(content.items()))


_InOrder.add_representer(dict, _mapping)


def _content() -> dict[str, JsonValue]:
    content: dict[str, JsonValue] = {}
    if (operator := db.session.scalars(select(Operator)).one_or_none()) is not None:
        content["operator"] = _with_sections(
            {"name": operator.name}, {"staff": staff.export(None), "wechat": wechat.export(None)}
        )
    content["merchants"] = [
        _merchant(code) for code in db.session.scalars(select(Merchant.code).order_by(Merchant.id))
    ]
    return content


def _merchant(code: str) -> dict[str, JsonValue]:
    merchant = profile.by_code(code)
    if merchant is None:
        raise LookupError(code)
    with tenancy.acting_for(merchant.id):
        return _with_sections(
            profile.export(merchant),
            {
                "wechat": wechat.export(merchant.id),
                "wechat_pay": wechat_pay.export(),
                "stores": stores.export(),
                "staff": staff.export(merchant.id),
                "levels": levels.export(),
                "templates": templates.export(),
                "campaigns": campaigns.export(),
                "messages": messages.export(),
            },
        )


def _with_sections(
    entry: dict[str, JsonValue], sections: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    return entry | {name: entries for name, entries in sections.items() if entries}
