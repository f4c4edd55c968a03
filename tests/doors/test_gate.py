"""The HTTP door of a cell: shut, except for the listed routes and callers."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orthanc_plugin.routes import ROUTES, Access, Route
from tests.doors import phantom
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import KID, RunningCell
from tests.doors.twin_world import Identity

OWN, OTHER = phantom.study(2), phantom.study(2, PatientID="P-2")
STUDY, OTHER_STUDY = str(OWN[0].StudyInstanceUID), str(OTHER[0].StudyInstanceUID)


@pytest.fixture(scope="module", autouse=True)
def _filled(cell: RunningCell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    files = phantom.write(tmp_path_factory.mktemp("files"), OWN + OTHER)
    assert phantom.storescu(cell.dicom_port, files).stdout.count("(Success)") == 4
    yield
    assert "Traceback" not in cell.log, cell.log[cell.log.index("Traceback") - 1500 :][:3000]


def path_of(image: phantom.Dataset, rest: str = "/frames/1", **uids: str) -> str:
    study = uids.get("study", image.StudyInstanceUID)
    series = uids.get("series", image.SeriesInstanceUID)
    return f"/dicom-web/studies/{study}/series/{series}/instances/{uids.get('instance', image.SOPInstanceUID)}{rest}"


def raw(cell: RunningCell, request_line: str, token: str, *headers: str) -> bytes:
    """Send exactly these bytes: HTTP clients tidy paths up before they send them."""
    lines = [request_line, "Host: cell", f"Authorization: Bearer {token}", "Connection: close", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", cell.http_port), timeout=10) as door:
        door.sendall("\r\n".join(lines).encode())
        answer = b""
        while part := door.recv(65536):
            answer += part
    return answer


@pytest.fixture
def reading_context(cell: RunningCell) -> str:
    return cell.token(studies=[STUDY])


def same_refusal(one: httpx.Response, other: httpx.Response) -> bool:
    return (one.status_code, one.content, dict(one.headers)) == (other.status_code, other.content, dict(other.headers))


def test_a_reading_context_sees_the_pixels_of_its_study(cell: RunningCell, reading_context: str) -> None:
    frames = cell.get(path_of(OWN[1]), reading_context)
    assert frames.status_code == 200
    assert OWN[1].PixelData in frames.content
    thumbnail = cell.get(path_of(OWN[0], "/rendered?viewport=128,128"), reading_context, headers={"Accept": "image/jpeg"})
    assert (thumbnail.status_code, thumbnail.headers["Content-Type"]) == (200, "image/jpeg")


def test_no_picture_is_larger_than_a_screen(cell: RunningCell, reading_context: str) -> None:
    for size, status in (("4096,4096", 200), ("4096%2C1", 200), ("9999,9999", 403), ("1%2C4097", 403), ("0,0", 403)):
        drawn = cell.get(path_of(OWN[0], f"/rendered?viewport={size}"), reading_context, headers={"Accept": "image/jpeg"})
        assert drawn.status_code == status, size


def test_another_study_is_refused_exactly_like_one_that_does_not_exist(cell: RunningCell, reading_context: str) -> None:
    refused = cell.get(path_of(OTHER[0]), reading_context)
    assert refused.status_code == 403
    assert same_refusal(refused, cell.get(path_of(OTHER[0], study="1.2.3.4"), reading_context))
    assert same_refusal(refused, cell.get(path_of(OTHER[0]), cell.token(studies=[])))


def test_series_and_instances_of_another_study_do_not_come_under_the_own_study_uid(
    cell: RunningCell, reading_context: str
) -> None:
    """The filter knows the study UID of the path; the DICOMweb plugin verifies the chain below it."""
    series, instance = str(OTHER[0].SeriesInstanceUID), str(OTHER[0].SOPInstanceUID)
    own_series = str(OWN[0].SeriesInstanceUID)
    for below in ({"series": series, "instance": instance}, {"series": own_series, "instance": instance}):
        for rest in ("/frames/1", "/rendered", "/thumbnail", "/bulk/7fe00010", "/frames/1/rendered"):
            answer = cell.get(path_of(OWN[0], rest, **below), reading_context)
            assert answer.status_code == 404, (rest, answer.content)
            unknown = cell.get(path_of(OWN[0], rest, **{**below, "instance": "1.2.3"}), reading_context)
            assert same_refusal(answer, unknown)
    other_series = cell.get(f"/dicom-web/studies/{STUDY}/series/{series}/thumbnail", reading_context)
    assert other_series.status_code == 404


def test_nobody_without_a_token(cell: RunningCell) -> None:
    for path in (path_of(OWN[0]), "/system", "/", "/app/explorer.html", "/readingroom/status", "/nonsense"):
        answer = cell.get(path)
        assert (answer.status_code, answer.content) == (403, b""), path


def bad_tokens(cell: RunningCell) -> dict[str, str]:
    now = int(time.time())
    stranger = Ed25519PrivateKey.generate()
    claims = cell.claims(studies=[STUDY])
    header, payload, signature = cell.token(studies=[STUDY]).split(".")
    return {
        "expired": cell.token(studies=[STUDY], iat=now - 200, nbf=now - 200, exp=now - 60),
        "not yet": cell.token(studies=[STUDY], iat=now + 100, nbf=now + 100, exp=now + 200),
        "too long": cell.token(studies=[STUDY], exp=now + 3600),
        "other cell": cell.token(studies=[STUDY], aud="11111111-1111-1111-1111-111111111111"),
        "other issuer": cell.token(studies=[STUDY], iss="somebody"),
        "audience list": cell.token(studies=[STUDY], aud=[cell.identifier]),
        "no studies": cell.token(role="radiologist"),
        "studies as text": jwt.encode({**claims, "studies": STUDY}, cell.signing_key, algorithm="EdDSA", headers={"kid": KID}),
        "no session": cell.token(studies=[STUDY], sid=...),
        "unknown role": cell.token(studies=[STUDY], role="root"),
        "time as a fraction": cell.token(studies=[STUDY], nbf=now - 0.5),
        "number as an id": cell.token(studies=[STUDY], jti=7),
        "unknown key": cell.token(studies=[STUDY], headers={"kid": "other"}),
        "no kid": jwt.encode(claims, cell.signing_key, algorithm="EdDSA"),
        "extra header": cell.token(studies=[STUDY], headers={"kid": KID, "jku": "http://127.0.0.1/"}),
        "other signer": jwt.encode(claims, stranger, algorithm="EdDSA", headers={"kid": KID}),
        "unsigned": jwt.encode(claims, None, algorithm="none", headers={"kid": KID}),
        "HS256 with the public key": jwt.encode(claims, "0" * 32, algorithm="HS256", headers={"kid": KID}),
        "cut signature": f"{header}.{payload}.{signature[:-4]}",
        "changed payload": f"{header}.{payload[:-2]}xx.{signature}",
        "rubbish": "a.b.c",
        "huge": "a" * 8000,
    }


def test_bad_tokens_open_nothing(cell: RunningCell) -> None:
    assert cell.get(path_of(OWN[0]), cell.token(studies=[STUDY])).status_code == 200
    for name, token in bad_tokens(cell).items():
        answer = cell.get(path_of(OWN[0]), headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.content) == (403, b""), name


def test_the_token_counts_only_as_a_bearer_token(cell: RunningCell, reading_context: str) -> None:
    for header in (f"bearer {reading_context}", f"Basic {reading_context}", reading_context, f"Token {reading_context}"):
        assert cell.get(path_of(OWN[0]), headers={"Authorization": header}).status_code in {400, 403}
    assert cell.get(path_of(OWN[0], f"/frames/1?token={reading_context}")).status_code == 403


def test_a_revoked_session_is_out_within_seconds(cell: RunningCell) -> None:
    token = cell.token(studies=[STUDY], sid="stolen")
    assert cell.get(path_of(OWN[0]), token).status_code == 200
    cell.revoked["stolen"] = int(time.time()) + 300
    cell.write_policy()
    cell.wait_until_ready()
    assert cell.get(path_of(OWN[0]), token).status_code == 403
    assert cell.get(path_of(OWN[0]), cell.token(studies=[STUDY])).status_code == 200


TRICKS = (
    "/dicom-web/studies/{own}/../{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own}/%2e%2e/{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own}/%252e%252e/{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own}/..%2f{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own}/..%5c{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own}\\..\\{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own}//../{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own},{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own}%5c{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own}%00/../{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own};{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/*/series/{series}/instances/{instance}/frames/1",
    "//dicom-web/studies/{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own}/series/../../{other}/series/{series}/instances/{instance}/frames/1",
    "/dicom-web/studies/{own}/series/{series}/instances/{instance}/frames/1?StudyInstanceUID={other}",
    "/dicom-web/studies/{own}/series/{series}/instances/{instance}/frames/1,../../../1",
    "http://cell/dicom-web/studies/{other}/series/{series}/instances/{instance}/frames/1",
)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_way_of_writing_a_path_reaches_another_study(cell: RunningCell, reading_context: str, trick: str) -> None:
    image = OTHER[0]
    path = trick.format(own=STUDY, other=OTHER_STUDY, series=image.SeriesInstanceUID, instance=image.SOPInstanceUID)
    answer = raw(cell, f"GET {path} HTTP/1.1", reading_context)
    assert answer == b"" or re.match(rb"HTTP/1\.1 (400|403|404) ", answer), answer[:200]
    assert image.PixelData not in answer


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("GET {path}?_method=DELETE HTTP/1.1", "Accept: */*"),
        ("GET {path}?_method=GET HTTP/1.1", "Accept: */*"),
        ("GET {path} HTTP/1.1", "X-HTTP-Method-Override: DELETE"),
        ("GET {path} HTTP/1.1", "x-http-method-override: GET"),
        ("POST {path} HTTP/1.1", "X-HTTP-Method-Override: GET"),
        ("HEAD {path} HTTP/1.1", "Accept: */*"),
        ("OPTIONS {path} HTTP/1.1", "Accept: */*"),
        ("PROPFIND {path} HTTP/1.1", "Accept: */*"),
        ("GET {path}?viewport=1,1 HTTP/1.1", "Accept: */*"),
        ("POST /instances HTTP/1.1", "Content-Type: multipart/form-data; boundary=x"),
    ],
)
def test_b04_no_disguised_method(cell: RunningCell, line: str, header: str) -> None:
    answer = raw(cell, line.format(path=path_of(OWN[0])), cell.token(studies=[STUDY]), header, "Content-Length: 0")
    assert re.match(rb"HTTP/1\.1 (400|403|404|405) ", answer), answer[:200]
    assert OWN[0].PixelData not in answer


def filled(path: str, cell: RunningCell, identifiers: dict[str, str]) -> str:
    """A concrete path: the ids of the study that the context may NOT see, where the route takes ids."""
    values: dict[str, Any] = {"study": OTHER_STUDY, "series": OTHER[0].SeriesInstanceUID}
    values |= {"instance": OTHER[0].SOPInstanceUID, "frame": "1", "frames": "1", "{served-folder}": "x"}
    level = path.strip("/").split("/")[0]
    values["id"] = identifiers.get(level, "x")
    return re.sub(r"\{([^}]*)\}", lambda found: str(values.get(found[1], "1")), path).replace("*", "1")


@pytest.fixture(scope="module")
def identifiers(cell: RunningCell, module_inbox: Any) -> dict[str, str]:
    module_inbox.wait_for(lambda: len(module_inbox.sop_instance_uids()) >= 4)
    event = next(each for each in module_inbox.events("instances-stored") if each["study"]["StudyInstanceUID"] == OTHER_STUDY)
    return {
        "patients": Identity.of(OTHER[0]).orthanc()["patients"],
        "studies": event["study"]["ID"],
        "series": event["series"][0]["ID"],
        "instances": event["instances"][0]["ID"],
    }


def asked(cell: RunningCell, identifiers: dict[str, str], token: str | None, open_to: Callable[[Route], bool]) -> int:
    """Ask every reviewed route for a study outside any context; return how many were shut, all that should be."""
    shut = 0
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=cell.url, trust_env=False, timeout=20, headers=headers) as client:
        for route in ROUTES:
            if route.path.startswith("/") and not open_to(route):
                answer = client.request(route.method, filled(route.path, cell, identifiers))
                assert answer.status_code in {400, 403, 405}, (route.method, route.path, answer.status_code)
                shut += 1
    return shut


def test_every_known_route_is_shut_to_whom_it_is_not_open(cell: RunningCell, identifiers: dict[str, str]) -> None:
    """A context asks for what is not in it: pages and answered lists apart, nothing is open."""
    staff = {role: cell.token(role=role, org=cell.organisation) for role in ("technician", "viewer", "admin")}
    answered = {"/patients", "/studies", "/series", "/statistics", "/system", "/plugins/explorer.js", "/app/*"}
    answered |= {f"/tools/{name}" for name in ("find", "lookup", "count-resources")}
    for token, open_to in (
        (None, lambda _: False),
        (cell.token(studies=[STUDY]), lambda route: route.path in answered and route.context is not Access.NONE),
        (cell.token(studies=[]), lambda route: route.path in answered and route.context is not Access.NONE),
        (staff["technician"], lambda route: "technician" in route.staff),
        (staff["viewer"], lambda _: False),
        (staff["admin"], lambda _: False),
        (cell.token(role="manager"), lambda _: False),  # of another organisation
        (cell.token(), lambda route: route.service),
    ):
        assert asked(cell, identifiers, token, open_to) > 250


def test_b01_nothing_is_served_that_was_not_reviewed(cell: RunningCell, module_inbox: FakeInbox) -> None:
    """The running server's own list, and what its plugins registered, against the table: the surveys take ten seconds."""
    module_inbox.wait_for(lambda: bool(module_inbox.events("cell-started")), timeout=40)
    (started, *_) = module_inbox.events("cell-started")
    assert started["unknown_routes"] == []
    assert set(started["plugins"]) == {"dicom-web", "gdcm", "python"}


def test_staff_of_the_hospital_walk_their_archive(cell: RunningCell, identifiers: dict[str, str]) -> None:
    token = cell.token(role="radiologist", org=cell.organisation)
    assert identifiers["studies"] in cell.get("/studies", token).json()
    assert cell.get(f"/studies/{identifiers['studies']}?full", token).json()["ID"] == identifiers["studies"]
    body = {"Level": "Study", "Query": {"StudyInstanceUID": OTHER_STUDY}}
    assert cell.request("POST", "/tools/find", token, json=body).json() == [identifiers["studies"]]


def test_a_doubtful_study_is_nobodys_in_a_context(cell: RunningCell, tmp_path: Path) -> None:
    """Two patients of one hospital bear one StudyInstanceUID: the token cannot say which of them it means."""
    twice = phantom.study(1, PatientID="P-A")
    again = phantom.study(1, PatientID="P-B", StudyInstanceUID=twice[0].StudyInstanceUID)
    phantom.storescu(cell.dicom_port, phantom.write(tmp_path, twice + again))
    token = cell.token(studies=[str(twice[0].StudyInstanceUID)])
    assert cell.get("/studies", token).json() == []
    for image in twice + again:
        for level, identifier in Identity.of(image).orthanc().items():
            assert cell.get(f"/{level}/{identifier}", token).status_code == 403


def test_the_service_routes_work(cell: RunningCell, identifiers: dict[str, str], tmp_path: Path) -> None:
    token = cell.token()
    metadata = cell.get(f"/dicom-web/studies/{STUDY}/metadata", token).json()
    assert {row["00080018"]["Value"][0] for row in metadata} == {str(image.SOPInstanceUID) for image in OWN}
    assert metadata[0]["00280010"]["Value"] == [32]
    assert cell.get(f"/studies/{identifiers['studies']}", token).json()["ID"] == identifiers["studies"]
    assert cell.get(f"/instances/{identifiers['instances']}/file", token).content[128:132] == b"DICM"
    report = phantom.write(tmp_path, phantom.study(1))[0].read_bytes()
    stored = cell.request("POST", "/instances", token, content=report, headers={"Content-Type": "application/dicom"})
    assert stored.json()["Status"] == "Success"
