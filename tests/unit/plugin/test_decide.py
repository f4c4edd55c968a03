from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugin.decide import Request, bearer, decide
from orthanc_plugin.routes import ROUTES, Caller, match
from orthanc_plugin.tokens import Principal

STUDY = "1.2.840.1"
FRAME = f"/dicom-web/studies/{STUDY}/series/1.2.3/instances/1.2.4/frames/1"


def principal(*studies: str, service: bool = False) -> Principal:
    role = "service" if service else "radiologist"
    return Principal("u", "o", role, "s", "k", 0, 1, None if service else frozenset(studies))


def allowed(who: Principal | None, method: str = "GET", path: str = FRAME, **request: Any) -> bool:
    return decide(who, Request(method, path, **request)).allowed


def test_a_context_opens_its_study_and_no_other() -> None:
    assert allowed(principal(STUDY))
    assert allowed(principal("1.9", STUDY))
    assert allowed(principal(service=True))
    assert not allowed(principal("1.2.840.10"))
    assert not allowed(principal("1.2.840"))
    assert not allowed(principal())
    assert not allowed(None)


@pytest.mark.parametrize(
    "path",
    [
        "/dicom-web/studies",
        f"/dicom-web/studies/{STUDY}",
        f"/dicom-web/studies/{STUDY}/metadata",
        f"/dicom-web/studies/{STUDY}/series",
        f"/dicom-web/studies/{STUDY}/series/1.2.3/instances/1.2.4",
        "/readingroom/changes",
        "/readingroom/status",
        "/system",
        "/instances/01234567-01234567-01234567-01234567-01234567/file",
        "/changes",
        "/",
        "",
    ],
)
def test_a_context_has_pixels_only(path: str) -> None:
    assert not allowed(principal(STUDY), path=path)


@pytest.mark.parametrize(
    "path",
    [
        FRAME + "/",
        FRAME + "\n",
        FRAME + "%",
        FRAME.replace("/frames", "//frames"),
        FRAME.replace("/frames", "/./frames"),
        FRAME.replace("/series", "/../series"),
        FRAME.replace(STUDY, STUDY + ".."),
        FRAME.replace(STUDY, STUDY + "\\" + "1.9"),
        FRAME.replace(STUDY, STUDY + ",1.9"),
        FRAME.replace(STUDY, STUDY + "%2c1.9"),
        FRAME.replace(STUDY, "*"),
        FRAME.replace(STUDY, "1." + "2" * 64),
        FRAME.replace(STUDY, "٣.٤"),
        FRAME + "?x=1",
        FRAME + ";x",
        FRAME + "#",
        FRAME.lstrip("/"),
        FRAME.replace("/frames/1", "/frames/0"),
        FRAME.replace("/frames/1", "/frames/-1"),
        FRAME.replace("/frames/1", "/frames/1,"),
        FRAME.replace("/frames/1", "/frames/" + ",".join(["1"] * 101)),
        FRAME.replace("/frames/1", "/frames/1/rendered/x"),
        FRAME.replace("/frames/1", "/bulk/../../x"),
        FRAME.upper(),
    ],
)
@pytest.mark.parametrize("service", [True, False])
def test_odd_paths_are_refused_to_everybody(path: str, service: bool) -> None:
    assert not allowed(principal(STUDY, service=service), path=path)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "PATCH", "", "get"])
def test_other_methods_are_refused(method: str) -> None:
    assert not allowed(principal(STUDY), method=method)


@pytest.mark.parametrize(
    "request_",
    [
        {"arguments": {"_method": "DELETE"}},
        {"arguments": {"x": "1"}},
        {"arguments": {"StudyInstanceUID": "1.9"}},
        {"headers": {"x-http-method-override": "DELETE"}},
        {"headers": {"x-http-method": "DELETE"}},
        {"headers": {"content-type": "Multipart/Form-Data; boundary=x"}},
    ],
)
def test_tricks_are_refused(request_: dict[str, Any]) -> None:
    assert not allowed(principal(STUDY), **request_)
    assert not allowed(principal(service=True), **request_)


def test_arguments_are_per_route() -> None:
    rendered = FRAME.replace("/frames/1", "/rendered")
    assert allowed(principal(STUDY), path=rendered, arguments={"viewport": "256,256"})
    assert not allowed(principal(STUDY), path=rendered, arguments={"viewport": "256,256", "annotation": "patient"})
    changes = {"since": "0", "limit": "5"}
    assert allowed(principal(service=True), path="/readingroom/changes", arguments=changes)


def test_a_refusal_does_not_say_whether_the_study_exists() -> None:
    one = decide(principal(STUDY), Request("GET", FRAME.replace(STUDY, "1.9")))
    other = decide(principal(STUDY), Request("GET", FRAME.replace(STUDY, "1.10")))
    assert one == other


def test_the_bearer_scheme_is_the_only_one() -> None:
    assert bearer({"authorization": "Bearer a.b.c"}) == "a.b.c"
    assert bearer({"authorization": "Basic a"}) is None
    assert bearer({}) is None


def test_every_route_has_a_reason_and_a_path_with_a_study_for_contexts() -> None:
    for route in ROUTES:
        assert len(route.reason) >= 10
        if Caller.CONTEXT in route.callers:
            assert "/studies/{study}/" in route.path
            assert route.method == "GET"


@given(st.text(max_size=80))
def test_no_text_in_the_place_of_the_study_opens_another_study(text: str) -> None:
    path = FRAME.replace(STUDY, text)
    found = match("GET", path)
    assert not allowed(principal(STUDY), path=path) or (found is not None and found[1]["study"] == STUDY)
