"""指标: what Prometheus may ask, counted from the rows when it asks; no process keeps a count."""

from collections.abc import Iterator

from flask import Flask, Response, abort, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from backend import clock, tenancy
from backend.campaigns.models import Wave
from backend.database import db, table_of
from backend.heartbeat import Heartbeat
from backend.keys import is_same
from backend.messaging.models import Intent, IntentState
from backend.settings import Settings


def register(app: Flask, settings: Settings) -> None:
    """``/metrics``: from loopback and not forwarded, or with METRICS_TOKEN (spec/08)."""

    def metrics() -> Response:
        if not _may_ask(settings.metrics_token):
            abort(403)
        registry = CollectorRegistry()
        registry.register(_Rows())
        return Response(generate_latest(registry), mimetype="text/plain")

    app.add_url_rule("/metrics", "metrics", metrics)


def _may_ask(token: str) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token:
        return is_same(given, token)
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return request.remote_addr in ("127.0.0.1", "::1") and not forwarded


class _Rows(Collector):
    """Each gauge is one small statement."""

    def collect(self) -> Iterator[Metric]:
        intent, wave, beat = table_of(Intent), table_of(Wave), table_of(Heartbeat)
        with (
            tenancy.across_merchants("gauges are of the whole deployment"),
            db.engine.connect() as connection,
        ):
            messages = GaugeMetricFamily("messages", "消息", labels=["state"])
            for state, number in connection.execute(
                select(intent.c.state, func.count()).group_by(intent.c.state)
            ):
                messages.add_metric([state], number)
            yield messages
            oldest = connection.scalar(
                select(func.min(intent.c.not_before)).where(intent.c.state == IntentState.DUE)
            )
            waited = max(0.0, (clock.now() - oldest).total_seconds()) if oldest else 0.0
            yield GaugeMetricFamily("outbox_oldest_due_seconds", "最早待发", value=waited)
            waves = GaugeMetricFamily("waves", "发券批次", labels=["state"])
            for state, number in connection.execute(
                select(wave.c.state, func.count()).group_by(wave.c.state)
            ):
                waves.add_metric([state], number)
            yield waves
            ages = GaugeMetricFamily("heartbeat_age_seconds", "心跳", labels=["name"])
            for name, at in connection.execute(select(beat.c.name, beat.c.beaten_at)):
                ages.add_metric([name], (clock.machine_now() - at).total_seconds())
            yield ages
