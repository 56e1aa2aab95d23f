"""HTTP APIs, split by who calls. Every blueprint stands here with the line that says who may."""

from flask import Flask

from miniprogram_api import customer, demo_till, h5, mall, openapi, pictures, pos, verifier
from miniprogram_api.contract import answer_errors
from miniprogram_api.official_account import callback
from miniprogram_api.payments import notify

JSON_PATHS = ("/api/", "/pos/", "/mall/", "/wechat/", "/demo/pos/")


def register(app: Flask) -> None:
    """Every blueprint, and the one error handler."""
    answer_errors(app, below=JSON_PATHS)
    app.register_blueprint(openapi.blueprint)  # anybody
    app.register_blueprint(pictures.blueprint)  # anybody with the address
    app.register_blueprint(callback.blueprint)  # WeChat, by the signature of each push
    app.register_blueprint(notify.blueprint)  # WeChat Pay, by the signature of each notice
    for blueprint in customer.BLUEPRINTS:  # anybody with a code of wx.login; then its token
        app.register_blueprint(blueprint)
    app.register_blueprint(verifier.blueprint)  # verifiers, by an ordinary login's token
    app.register_blueprint(pos.blueprint)  # tills, by signature
    app.register_blueprint(mall.blueprint)  # malls, by signature
    app.register_blueprint(h5.blueprint)  # anybody inside WeChat, by 网页授权
    demo_till.register(app)  # anybody, on a development machine only
