"""The document of the API is written from its routes, complete, and a valid OpenAPI 3.1."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from sidecar.gate.openapi import operations
from tests.browser import Browser
from tests.cast import Cast, Person

Browse = Callable[[Person | None], Browser]
GIVEN = """
POST /api/auth/register|POST /api/auth/login|POST /api/auth/refresh|POST /api/auth/logout|POST /api/auth/forgot
POST /api/auth/reset|POST /api/auth/verify|GET /api/auth/me|GET /api/users|POST /api/users|GET /api/users/{user_id}
PUT /api/users/{user_id}|DELETE /api/users/{user_id}|GET /api/users/{user_id}/statistics|GET /api/users/{user_id}/activity
GET /api/organizations|POST /api/organizations|GET /api/organizations/{organisation_id}|PUT /api/organizations/{organisation_id}
GET /api/studies|GET /api/studies/{study_id}|PUT /api/studies/{study_id}/assign|GET /api/reports|POST /api/reports
GET /api/reports/{report_id}|PUT /api/reports/{report_id}/finalize|GET /api/notifications
"""


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/api/openapi.json")
    assert answer.status_code == 200
    written: dict[str, Any] = answer.json
    return written


def test_every_given_route_is_there(document: dict[str, Any]) -> None:
    found = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert found >= set(GIVEN.strip().replace("\n", "|").split("|"))
    assert any(path.startswith("/api/auth/2fa/") for path in document["paths"])


def test_every_route_of_the_api_is_declared(app: Flask, document: dict[str, Any]) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")}
    assert {each.rule.rule for each in operations(app)} == rules
    for each in operations(app):
        assert each.declared.summary, each.path
        assert each.declared.needs is app.view_functions[each.rule.endpoint].needs, each.path  # type: ignore[attr-defined]


def test_every_create_takes_a_key_and_every_update_a_condition(app: Flask) -> None:
    """A POST to a collection creates; what it does elsewhere is an act on a thing, which its service makes conditional."""
    collections = {"/api/users", "/api/organizations", "/api/reports", "/api/orders", "/api/sends"}
    made_by_act = {"/api/studies/{study_id}/deletion", "/api/studies/{study_id}/hold", "/api/reports/{report_id}/addenda"}
    for each in operations(app):
        if each.method == "POST" and each.path in collections | made_by_act:
            assert each.declared.idempotent, each.path
        if each.method in {"PUT", "PATCH", "DELETE"} and not each.path.startswith("/api/auth/"):
            assert each.declared.conditional or each.declared.revised, (each.method, each.path)


def test_lists_come_in_pages(document: dict[str, Any]) -> None:
    for path in ("studies", "reports", "users", "organizations", "notifications", "orders", "jobs", "deletions"):
        names = {each["name"] for each in document["paths"][f"/api/{path}"]["get"]["parameters"]}
        assert {"limit", "cursor"} <= names, path


def test_no_argument_need_stand_twice_which_the_public_door_refuses(document: dict[str, Any]) -> None:
    several = [
        each
        for methods in document["paths"].values()
        for operation in methods.values()
        for each in operation["parameters"]
        if each["schema"].get("type") == "array"
    ]
    assert {each["name"] for each in several} >= {"status", "priority"}
    assert {each.get("explode", True) for each in several} == {False}


def test_the_document_says_what_the_edge_may_answer_to_anything(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert {"400", "429", "503"} <= set(operation["responses"]), (method, path)
            assert ("requestBody" in operation) <= ({"413", "415"} <= set(operation["responses"])), (method, path)


def test_the_document_is_shown_as_a_page_of_our_own(browse: Browse, cast: Cast, document: dict[str, Any]) -> None:
    page = browse(cast.owner).get("/api/docs")
    assert page.status_code == 200
    assert "http://" not in page.text.replace(document["servers"][0]["url"], "").replace("http://www.w3.org", "")
    for path in document["paths"]:
        assert path in page.text
