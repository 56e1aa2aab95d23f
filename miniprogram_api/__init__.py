"""HTTP APIs, split by who calls. Every blueprint stands here with the line that says who may."""

from flask import Flask

from miniprogram_api import openapi
from miniprogram_api.contract import answer_errors
from miniprogram_api.official_account import callback

JSON_PATHS = ("/api/", "/pos/", "/mall/", "/wechat/")


def register(app: Flask) -> None:
    """Every blueprint, and the one error handler."""
    answer_errors(app, below=JSON_PATHS)
    app.register_blueprint(openapi.blueprint)  # anybody
    app.register_blueprint(callback.blueprint)  # WeChat, by the signature of each push
