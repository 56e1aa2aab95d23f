"""The Flask application: WeChat's API, the control API and the phone page."""

from flask import Flask, Response, request

from scripts.wechat_platform import (
    api_login,
    api_mass,
    api_messages,
    api_people,
    control,
    phone,
    phone_mini,
)
from scripts.wechat_platform.calls import JsonObject
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.world import World

_API = ("/cgi-bin/", "/sns/", "/wxa/", "/wxaapi/", "/card/")


def make_app(world: World) -> Flask:
    app = Flask(__name__)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions["wechat_platform"] = world
    for part in (api_login, api_mass, api_messages, api_people, control, phone, phone_mini):
        app.register_blueprint(part.blueprint)
    app.register_error_handler(WeChatError, lambda problem: problem.answer())
    app.register_error_handler(404, _nothing_here)
    app.register_error_handler(405, lambda _: WeChatError(43002).answer())

    @app.before_request
    def _fail_if_told() -> Response | None:
        """Count the call; let a waiting fault hit it. The body is read whatever happens."""
        request.get_data()
        if not request.path.startswith(_API):
            return None
        world.faults.count(request.path)
        fault = world.faults.take(request.path)
        if fault is None:
            return None
        return world.faults.answer(fault, lambda: _carried_out(app))

    @app.after_request
    def _as_wechat_answers(response: Response) -> Response:
        if request.path.startswith(_API) and response.mimetype == "application/json":
            response.headers["Content-Type"] = "application/json; encoding=utf-8"
        return response

    return app


def _nothing_here(problem: Exception) -> tuple[str | JsonObject, int]:
    """40066 in the API; 48001 for 卡券, closed to new accounts; a plain 404 elsewhere."""
    if not request.path.startswith(_API):
        return "没有这个页面", 404
    return WeChatError(48001 if request.path.startswith("/card/") else 40066).answer(), 200


def _carried_out(app: Flask) -> Response:
    """The true answer of the call, its effect included."""
    try:
        answer = app.dispatch_request()
    except WeChatError as problem:
        answer = problem.answer()
    return app.make_response(answer)
