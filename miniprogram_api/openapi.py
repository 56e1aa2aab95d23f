"""OpenAPI 3.1 of everything an outside program may call, and a page to read it (no asset from
elsewhere). Written from the same models that read and answer the requests."""

import base64
import hashlib
import re

from flask import (
    Blueprint,
    Response,
    current_app,
    jsonify,
    make_response,
    render_template_string,
)
from pydantic import JsonValue
from pydantic.json_schema import models_json_schema

from backend.card_pack.queries import Shown
from backend.secure_headers import CSP, page_policy
from miniprogram_api.contract import OPERATIONS, Operation
from miniprogram_api.paging import MOST

blueprint = Blueprint("openapi", __name__)

Object = dict[str, JsonValue]

_REF = "#/components/schemas/{model}"
_ERROR: Object = {
    "type": "object",
    "required": ["code", "message", "detail", "request_id"],
    "properties": {
        "code": {"type": "string", "examples": ["COUPON_NOT_FOUND"]},
        "message": {"type": "string", "examples": ["票券不存在"]},
        "detail": {"type": "object"},
        "request_id": {"type": "string"},
    },
}
_PART = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
_TYPES = {"": "string", "int": "integer"}
_QUERY: dict[str, Object] = {
    "state": {"type": "string", "enum": list(Shown), "default": Shown.USABLE},
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": 20},
    "cursor": {"type": "string", "description": "next_cursor of the page before"},
    "member_id": {"type": "integer", "minimum": 1},
    "after": {"type": "integer", "minimum": 0, "description": "next of the call before"},
    "wait": {"type": "integer", "minimum": 0, "maximum": 25, "description": "seconds"},
    "width": {"type": "integer", "enum": [32, 48], "default": 32},
}
_SECURITY: dict[str, Object] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "till": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "QB1-HMAC-SHA256, signed per request",
    },
    "mall": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "QB1-HMAC-SHA256, signed per request; key: the bound shop's id",
    },
}


@blueprint.get("/openapi.json")
def document() -> Response:
    """The contract for machines."""
    return jsonify(specification())


@blueprint.get("/docs")
def page() -> Response:
    """The contract for people."""
    answer = make_response(render_template_string(_PAGE, spec=specification(), style=_STYLE))
    answer.headers[CSP] = page_policy(styles=(f"'sha256-{_STYLE_HASH}'",))
    return answer


def specification() -> Object:
    """The whole document."""
    schemas = _schemas()
    paths: dict[str, JsonValue] = {}
    for operation in sorted(OPERATIONS, key=lambda o: (o.rule, o.method)):
        methods = paths.setdefault(_path(operation), {})
        assert isinstance(methods, dict)
        methods[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "券包 Quanbao", "version": "1"},
        "servers": [{"url": current_app.config["PUBLIC_URL"]}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": dict(_SECURITY)},
    }


def _schemas() -> dict[str, JsonValue]:
    bodies = [(o.body, "validation") for o in OPERATIONS if o.body]
    answers = [(o.answer, "serialization") for o in OPERATIONS if o.answer]
    unique = list(dict.fromkeys([*bodies, *answers]))
    _, definitions = models_json_schema(unique, ref_template=_REF)  # type: ignore[arg-type]
    return {**definitions.get("$defs", {}), "Error": _ERROR}


def _operation(operation: Operation) -> Object:
    described: Object = {
        "summary": operation.summary,
        "operationId": f"{operation.method.lower()} {_path(operation)}",
        "parameters": _parameters(operation),
        "responses": {
            str(operation.status): {"description": "成功", **_content(operation.answer)},
            "default": {
                "description": "失败",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
        "security": [{_signer(operation): []}],
    }
    if operation.rule == "/api/v1/login":
        described["security"] = []
    if operation.body:
        described["requestBody"] = {"required": True, **_content(operation.body)}
    return described


def _signer(operation: Operation) -> str:
    signed = {"/pos/": "till", "/mall/": "mall"}
    return next(
        (who for below, who in signed.items() if operation.rule.startswith(below)), "bearer"
    )


def _path(operation: Operation) -> str:
    return _PART.sub(r"{\2}", operation.rule)


def _parameters(operation: Operation) -> list[JsonValue]:
    """What stands in the path, the query and the headers."""
    said: list[JsonValue] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": _TYPES[converter]}}
        for converter, name in _PART.findall(operation.rule)
    ]
    said += [{"name": name, "in": "query", "schema": _QUERY[name]} for name in operation.query]
    if operation.method == "POST":
        key: Object = {"type": "string", "minLength": 1, "maxLength": 128}
        said.append({"name": "Idempotency-Key", "in": "header", "schema": key})
    return said


def _content(model: type | None) -> Object:
    if model is None:
        return {}
    ref: Object = {"$ref": _REF.format(model=model.__name__)}
    return {"content": {"application/json": {"schema": ref}}}


_STYLE = """
body{font:15px/1.6 -apple-system,"PingFang SC","Microsoft YaHei",sans-serif;color:#1d2329;
background:#f4f6f8;margin:0 auto;max-width:960px;padding:16px}
details{background:#fff;border:1px solid #e6e9ed;border-radius:8px;margin:8px 0;padding:10px 14px}
summary{cursor:pointer}code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}
.m{display:inline-block;min-width:64px;color:#0a7d4f;font-weight:700}
pre{overflow:auto;background:#f4f6f8;padding:12px;border-radius:6px;font-size:13px}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>接口文档 · 券包</title>
<link rel="icon" href="{{ url_for('icon') }}" type="image/svg+xml">
<style>{{ style|safe }}</style><h1>接口文档</h1>
<p>机器可读：<a href="/openapi.json">/openapi.json</a>（OpenAPI 3.1）。
失败统一为 <code>{"code","message","detail","request_id"}</code>。</p>
{% for path, methods in spec.paths.items() %}{% for method, op in methods.items() %}
<details><summary><span class="m">{{ method|upper }}</span> <code>{{ path }}</code>
{{ op.summary }}</summary><pre>{{ op|tojson(indent=2) }}</pre></details>
{% endfor %}{% endfor %}
<h2>数据结构</h2>{% for name, schema in spec.components.schemas.items() %}
<details id="{{ name }}"><summary><code>{{ name }}</code></summary>
<pre>{{ schema|tojson(indent=2) }}</pre></details>{% endfor %}</html>"""
