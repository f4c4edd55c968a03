"""No page of another site changes anything: every unsafe route wants the token of the session, or proves its caller otherwise."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from tests.browser import Browser
from tests.cast import Cast, Person

Browse = Callable[[Person | None], Browser]
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
OTHERWISE = {
    "/intake/events": "a cell, which shows its own secret; no browser's cookie counts there",
    "/explorer/<context>/<path:rest>": "Orthanc Explorer's own script, which knows no token: it only searches",
    "/dicom-web/own/studies": "DICOMweb: a page tells its site by Origin and Sec-Fetch-Site",
    "/dicom-web/own/studies/<study>": "DICOMweb: a page tells its site by Origin and Sec-Fetch-Site",
    "/dicom-web/<root>/studies": "a context takes no images from anybody",
    "/dicom-web/<root>/studies/<study>": "a context takes no images from anybody",
} | dict.fromkeys(
    [f"/api/auth/{each}" for each in ("login", "refresh", "register", "forgot", "reset", "verify", "2fa/verify")],
    "a program shows a secret in the body, and no cookie is read or set: another site's page could do no more than anybody",
)
"""Routes without a token: what stands in its place."""


def unsafe(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & UNSAFE):
            yield rule, method


def path_of(rule: Rule) -> str:
    """Fill in a path's places: the token is asked for before anybody looks what is there."""
    return "".join(
        text if not is_place else "00000000-0000-4000-8000-000000000000" for is_place, text in rule._trace if text != "|"
    )


def test_f08_every_unsafe_route_wants_the_token_of_the_session(app: Flask, browse: Browse, cast: Cast) -> None:
    person = browse(cast.own_radiologist)
    without = []
    for rule, method in unsafe(app):
        if not getattr(app.view_functions[rule.endpoint], "csrf", True):
            without.append(rule.rule)
            continue
        for token in ("", "IjAwIg.aSEx.made-up"):
            answer = person.client.open(path_of(rule), method=method, headers={"X-CSRFToken": token})
            assert answer.status_code == 403, (method, rule.rule)
            assert "out of date" in answer.text, (method, rule.rule)
    assert set(without) == set(OTHERWISE)


@pytest.mark.parametrize("rule", [rule for rule in OTHERWISE if rule.startswith("/dicom-web/own")])
def test_f08_where_no_token_is_asked_another_sites_page_is_refused(browse: Browse, cast: Cast, rule: str) -> None:
    person = browse(cast.owner)
    for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        answer = person.post(rule.replace("<study>", "1.2.3"), headers=foreign, data=b"", content_type="multipart/related")
        assert answer.status_code == 403, foreign


def test_no_exception_from_the_forms_token_is_two_routes(app: Flask) -> None:
    """Exceptions go by module and name of a view: two of one name would share it, and the one with a cookie stand open."""
    named: dict[tuple[str, str], set[object]] = {}
    for endpoint, view in app.view_functions.items():
        named.setdefault((view.__module__, view.__name__), set()).add((endpoint, getattr(view, "csrf", True)))
    assert [each for each in named.values() if len({csrf for _, csrf in each}) > 1] == []
    assert not any(module == "sidecar.gate.api" for module, _ in named)
