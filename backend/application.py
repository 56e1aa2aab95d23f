"""The backend on a Flask app: configuration, database, Redis, logs, health."""

import logging
from datetime import timedelta
from pathlib import Path

import structlog
from flask import Flask, Response, jsonify, request, send_file
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix

from backend import (
    background,
    clock,
    database,
    heartbeat,
    installation,
    models,
    outside,
    requesting,
    secure_headers,
    statement_limit,
)
from backend.settings import Settings

NAME = "quanbao"
_DAY_SECONDS = 86400
_ICON = Path(__file__).with_name("icon.svg")


def backend_app(settings: Settings) -> Flask:
    """The backend alone: what commands and background work run in."""
    app = Flask(NAME, static_folder=None)
    create_backend(app, settings)
    return app


def create_backend(app: Flask, settings: Settings) -> None:
    """Everything below the outer packages; ``wsgi.py`` composes it with them."""
    app.config.update(
        SECRET_KEY=settings.keys.secret,
        KEYS=settings.keys,
        SETTINGS=settings,
        PRODUCTION=settings.production,
        PUBLIC_URL=settings.public_url.rstrip("/"),
        WECHAT_API_BASE_URL=settings.wechat_api_base_url.rstrip("/"),
        WECHAT_PAY_API_BASE_URL=settings.wechat_pay_api_base_url.rstrip("/"),
        VOUCHER_LETTER=settings.voucher_letter,
        WAVE_CHUNK=settings.wave_chunk,
        SEND_LEASE=timedelta(seconds=settings.send_lease_seconds),
        WEB_THREADS=settings.web_threads,
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_MEMORY_SIZE=512 * 1024,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    _configure_logs(settings)
    models.load_all()
    database.configure(
        app,
        url=settings.sqlalchemy_url,
        data_dir=settings.data_dir,
        threads=settings.web_threads,
    )
    with app.app_context():
        statement_limit.keep(database.db.engine)
        installation.greet()
    app.extensions["redis"] = background.connect(settings.redis_address)
    app.before_request(_name_request)
    app.teardown_request(_forget_request)
    app.after_request(_stamp)
    secure_headers.protect(app)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0, x_host=0
        )
    app.add_url_rule("/healthz", "healthz", _healthz)
    app.add_url_rule("/readyz", "readyz", _readyz)
    app.add_url_rule("/favicon.ico", "icon", _icon)


def _name_request() -> None:
    requesting.begin(request.headers.get("X-Request-Id"))
    outside.begin_request()


def _forget_request(_error: BaseException | None) -> None:
    outside.end_request()


def _stamp(response: Response) -> Response:
    response.headers["X-Request-Id"] = requesting.request_id()
    response.headers["X-Server-Time"] = str(int(clock.machine_now().timestamp()))
    if request.endpoint != "static" and "/static/" not in request.path:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _healthz() -> Response:
    """The process lives."""
    return jsonify(status="ok")


def _readyz() -> tuple[Response, int]:
    """Database, migrations, the scheduler's heartbeat; Redis away is degraded, not down, and so
    is a copy of the data, which serves but does no background work."""
    problems: list[str] = []
    degraded: list[str] = []
    try:
        background.redis().ping()
    except RedisError:
        degraded.append("redis")
    try:
        from backend import schema

        if not schema.is_current():
            problems.append("migrations")
        elif installation.why_not_living():
            degraded.append("copy")
        elif not degraded and heartbeat.is_stale("scheduler", now=clock.machine_now()):
            problems.append("scheduler")
    except SQLAlchemyError:
        problems.append("database")
    status = "unavailable" if problems else "degraded" if degraded else "ok"
    body = jsonify(status=status, problems=problems, degraded=degraded)
    return body, 503 if problems else 200


def _icon() -> Response:
    """The product's one icon, where browsers look for it by themselves."""
    return send_file(_ICON, mimetype="image/svg+xml", max_age=_DAY_SECONDS)


def _configure_logs(settings: Settings) -> None:
    """JSON lines with the request id; phones are masked by those who log."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso"),
        _with_request_id,
    ]
    renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    if settings.environment != "test":
        root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("rq", "rq_scheduler", "urllib3", "werkzeug", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _with_request_id(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if name := requesting.request_id():
        event["request_id"] = name
    return event
