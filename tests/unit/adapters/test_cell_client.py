"""The client of the cells, against a cell that is played by a function."""

import json
from collections.abc import Callable
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.adapters.cell_client import CellAddress, CellClient
from sidecar.adapters.cell_tokens import CellTokens
from sidecar.kernel.errors import Broken, Busy, Missing

CELL = CellAddress(uuid4(), uuid4(), "127.0.0.1:4242")
KEY = Ed25519PrivateKey.generate()


def client(answer: Callable[[httpx.Request], httpx.Response]) -> CellClient:
    return CellClient(CellTokens(KEY), transport=httpx.MockTransport(answer))


def as_orthanc(request: httpx.Request) -> httpx.Response:
    """Reflect the Host header into URIs, as Orthanc's DICOMweb plugin does."""
    base = f"http://{request.headers['host']}/dicom-web/studies/1.2/series/1.3"
    dataset = {
        "00081030": {"vr": "LO", "Value": ["http://127.0.0.1:4242/dicom-web/studies/1.2/series/1.3/x"]},
        "00081190": {"vr": "UR", "Value": [f"{base}/instances/1.4"]},
        "7FE00010": {"vr": "OW", "BulkDataURI": f"{base}/instances/1.4/bulk/7fe00010"},
    }
    return httpx.Response(200, content=json.dumps([dataset], indent=1))


def test_metadata_names_no_host_and_keeps_the_images_own_words() -> None:
    with client(as_orthanc) as cells:
        body = cells.series_metadata(CELL, "1.2", "1.3")
    (dataset,) = json.loads(body)
    assert dataset["7FE00010"]["BulkDataURI"] == "instances/1.4/bulk/7fe00010"
    assert dataset["00081190"]["Value"] == ["instances/1.4"]
    assert dataset["00081030"]["Value"] == ["http://127.0.0.1:4242/dicom-web/studies/1.2/series/1.3/x"]
    assert b'"BulkDataURI":"instances/' in body
    assert b".invalid" not in body


def test_a_uri_outside_the_series_is_refused() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[{"7FE00010": {"BulkDataURI": f"http://{request.headers['host']}/elsewhere"}}])

    with client(answer) as cells, pytest.raises(Broken):
        cells.series_metadata(CELL, "1.2", "1.3")


def test_the_token_is_the_services_own_for_this_cell_only() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"events": [], "last": 5, "done": True})

    with client(answer) as cells:
        assert cells.changes(CELL, since=5)["last"] == 5
    token = seen[0].headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, KEY.public_key(), algorithms=["EdDSA"], audience=str(CELL.cell_id), issuer="readingroom")
    assert (claims["role"], claims["org"]) == ("service", str(CELL.organisation_id))
    assert "studies" not in claims
    assert seen[0].url.params == httpx.QueryParams({"since": "5", "limit": "500"})


@pytest.mark.parametrize(
    ("status", "problem"), [(404, Missing), (500, Busy), (503, Busy), (401, Broken), (403, Broken), (302, Broken)]
)
def test_refusals(status: int, problem: type[Exception]) -> None:
    with client(lambda _: httpx.Response(status)) as cells, pytest.raises(problem):
        cells.system(CELL)


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
def test_a_silent_cell_is_busy(error: httpx.TransportError) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    with client(answer) as cells, pytest.raises(Busy):
        cells.statistics(CELL)


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'[{"x": NaN}]', b"[" * 200_000])
def test_what_is_no_dicom_json_is_broken(body: bytes) -> None:
    with client(lambda _: httpx.Response(200, content=body)) as cells, pytest.raises(Broken):
        cells.series_metadata(CELL, "1.2", "1.3")
