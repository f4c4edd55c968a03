"""Health and metrics: what the supervisor and the monitor are told."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from tests.browser import Browser
from tests.cast import Cast, Person

Browse = Callable[[Person | None], Browser]


def test_alive_and_ready(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/health").json == {"status": "ok"}
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json == {"status": "ok", "postgres": True, "redis": True}


def test_not_ready_names_the_part_that_does_not_answer(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    monkeypatch.setitem(app.extensions, "readingroom.redis", nobody)
    with app.test_request_context("/health/ready"):
        answer: Any = app.view_functions["health.ready"]()
    assert answer[1] == 503
    assert answer[0].json == {"status": "busy", "postgres": True, "redis": False}
    nobody.close()


def test_metrics_count_routes_and_name_nobody(cast: Cast, browse: Browse) -> None:
    person = browse(cast.reader)
    person.get("/worklist")
    text = person.get("/metrics").text
    assert 'readingroom_requests_total{method="GET",route="/worklist",status="200"}' in text
    assert str(cast.reader.user_id) not in text
    assert cast.reader.email not in text
