"""Health and metrics: for the supervisor and the monitor inside the walls, never for the public (nginx answers 404)."""

import time
from typing import cast

from flask import Blueprint, Flask, Response, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope

bp = Blueprint("health", __name__)

REQUESTS = Counter("readingroom_requests", "Answered requests", ["route", "method", "status"])
SECONDS = Histogram("readingroom_request_seconds", "Time to answer", ["route"])


@bp.route("/health")
def alive() -> ResponseReturnValue:
    """Answer 200 while the process serves at all; asks nothing of anybody."""
    return jsonify(status="ok")


alive.needs = Permission.PUBLIC  # type: ignore[attr-defined]  # opens no Scope: it must answer while Postgres is down


@bp.route("/health/ready")
def ready() -> ResponseReturnValue:
    """Answer 200 when every dependency answers, else 503 and which one does not."""
    parts = {"postgres": _postgres(), "redis": _redis()}
    good = all(parts.values())
    return jsonify(status="ok" if good else "busy", **parts), 200 if good else 503


ready.needs = Permission.PUBLIC  # type: ignore[attr-defined]


def _postgres() -> bool:
    try:
        with current_app.extensions["readingroom.scopes"].engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _redis() -> bool:
    try:
        return bool(cast("Redis", current_app.extensions["readingroom.redis"]).ping())
    except RedisError:
        return False


@route(bp, "/metrics", needs=Permission.PUBLIC)
def metrics(_scope: Scope) -> ResponseReturnValue:
    """Give Prometheus all processes' counts; route patterns only, no ids."""
    registry = REGISTRY
    if current_app.config.get("METRICS_SHARED"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def install_metrics(app: Flask) -> None:
    """Count and time every request."""

    @app.before_request
    def _start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def _count(response: Response) -> Response:
        rule = request.url_rule.rule if request.url_rule else "(no route)"
        REQUESTS.labels(rule, request.method, response.status_code).inc()
        SECONDS.labels(rule).observe(time.perf_counter() - g.get("started", time.perf_counter()))
        return response
