"""The Flask application: WeChat's API, the control API and the phone page."""

from flask import Flask, Response, request

from scripts.wechat_platform import (
    api_login,
    api_mass,
    api_messages,
    api_pay,
    api_people,
    control,
    control_pay,
    phone,
    phone_mini,
    phone_pay,
)
from scripts.wechat_platform.calls import JsonObject
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.pay_errors import PayError
from scripts.wechat_platform.world import World

_PAY = "/v3/"
_API = ("/cgi-bin/", "/sns/", "/wxa/", "/wxaapi/", "/card/", _PAY)
_PARTS = (
    *(api_login, api_mass, api_messages, api_pay, api_people),
    *(control, control_pay, phone, phone_mini, phone_pay),
)


def make_app(world: World) -> Flask:
    app = Flask(__name__)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions["wechat_platform"] = world
    for part in _PARTS:
        app.register_blueprint(part.blueprint)
    app.register_error_handler(WeChatError, lambda problem: problem.answer())
    app.register_error_handler(PayError, api_pay.refused)
    app.register_error_handler(404, _nothing_here)
    app.register_error_handler(405, _another_method)

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
        is_pay = request.path.startswith(_PAY)
        if request.path.startswith(_API) and not is_pay and response.mimetype == "application/json":
            response.headers["Content-Type"] = "application/json; encoding=utf-8"
        return response

    return app


def _nothing_here(problem: Exception) -> tuple[str | JsonObject, int] | Response:
    """40066 in the API; 48001 for 卡券, closed to new accounts; a plain 404 elsewhere."""
    if not request.path.startswith(_API):
        return "没有这个页面", 404
    if request.path.startswith(_PAY):
        return api_pay.refused(PayError("NOT_FOUND", "请求的资源不存在"))
    return WeChatError(48001 if request.path.startswith("/card/") else 40066).answer(), 200


def _another_method(problem: Exception) -> JsonObject | Response:
    if request.path.startswith(_PAY):
        return api_pay.refused(PayError("NOT_FOUND", "请求的资源不存在"))
    return WeChatError(43002).answer()


def _carried_out(app: Flask) -> Response:
    """The true answer of the call, its effect included."""
    try:
        answer = app.dispatch_request()
    except WeChatError as problem:
        answer = problem.answer()
    except PayError as problem:
        answer = api_pay.refused(problem)
    return app.make_response(answer)
