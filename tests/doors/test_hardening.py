"""A cell behind its gate: what /system says, what Orthanc refuses by itself, what it writes into its log.

Each hardening line by what it does, and by its opposite: test_hardening_live.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doors import phantom
from tests.doors.bare_orthanc import hardened
from tests.doors.running_cell import CHECKOUT, RunningCell

SYSTEM = {
    "CheckRevisions": False,
    "DicomAet": "MERCY",
    "MaximumStorageMode": "Reject",
    "OverwriteInstancesMode": "Never",
    "ReadOnly": False,
    "StorageCompression": False,
    "StoreMD5ForAttachments": True,
    "DatabaseBackendPlugin": None,
    "StorageAreaPlugin": None,
    "IngestTranscoding": "",
}


@pytest.fixture(scope="module")
def settings(cell: RunningCell) -> dict[str, Any]:
    return hardened(cell.environment())


def test_the_file_holds_no_value_of_one_cell_and_no_secret() -> None:
    document = (CHECKOUT / "orthanc.json").read_text()
    assert "secret" not in document.lower().replace("no secret", "")
    assert "password" not in document.lower()


def test_system_reports_the_hardened_values(cell: RunningCell) -> None:
    system = cell.get("/system", cell.token()).json()
    assert {name: system[name] for name in SYSTEM} == SYSTEM
    assert "0028,0010;0028,0011" in system["MainDicomTags"]["Instance"]
    assert system["Capabilities"]["HasQueues"] is True
    assert system["Capabilities"]["HasKeyValueStores"] is True
    assert tuple(map(int, system["Version"].split("."))) >= (1, 13, 0)


def test_the_python_plugin_comes_first_with_threads_allowed(settings: dict[str, Any]) -> None:
    assert settings["Plugins"][0].endswith("/libOrthancPython.so")
    assert settings["Python"]["AllowThreads"] is True


def test_dicomweb_has_full_metadata_and_no_fixed_host(settings: dict[str, Any]) -> None:
    assert settings["DicomWeb"] == {
        "Enable": True,
        "Root": "/dicom-web/",
        "EnableWado": False,
        "StudiesMetadata": "Full",
        "SeriesMetadata": "Full",
    }


@pytest.fixture(scope="module")
def ungated(cell: RunningCell, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same configuration without the gate: what Orthanc itself refuses behind it (the second wall)."""
    directory = tmp_path_factory.mktemp("ungated")
    lines = (CHECKOUT / "orthanc.json").read_text().splitlines()
    gate = ("libOrthancPython.so", '"PythonScript"', '"Python"', '"PythonVerbose"', '"LuaScripts"')
    file = directory / "ungated.json"
    file.write_text("\n".join(line for line in lines if not any(word in line for word in gate)))
    other = RunningCell(directory / "cell", "http://127.0.0.1:9/")
    other.configuration = file
    other.start_orthanc()
    transport = httpx.HTTPTransport(retries=8)
    with httpx.Client(base_url=other.url, transport=transport, timeout=10) as client:
        yield client, other
    other.discard()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/tools/execute-script", "print(1)"),
        ("PROPFIND", "/webdav/", None),
        ("PUT", "/webdav/uploads/x", "x"),
        ("GET", "/wado?requestType=WADO&objectUID=1.2", None),
    ],
)
def test_orthanc_itself_has_these_doors_closed(ungated: Any, method: str, path: str, body: str | None) -> None:
    client, _ = ungated
    assert client.request(method, path, content=body).status_code in {403, 404, 405}


def test_orthanc_writes_no_file_for_a_rest_call(ungated: Any, tmp_path: Path) -> None:
    client, _ = ungated
    image = phantom.write(tmp_path, phantom.study(1))[0].read_bytes()
    identifier = client.post("/instances", content=image).json()["ID"]
    assert client.post(f"/instances/{identifier}/export", content="/cell/written").status_code == 403


def test_errors_say_nothing(ungated: Any) -> None:
    client, _ = ungated
    assert client.get("/dicom-web/studies/1.2.3/metadata").content == b""


def test_without_registered_senders_nobody_may_even_echo(ungated: Any, tmp_path: Path) -> None:
    _, other = ungated
    sent = phantom.storescu(other.inner_dicom_port, phantom.write(tmp_path, phantom.study(1)))
    assert "Association Rejected" in sent.stdout


def test_http_listens_on_the_private_address_only(cell: RunningCell) -> None:
    assert f"HTTP server listening on: 127.0.0.1:{cell.http_port} (" in cell.log


def test_the_cell_sees_only_its_own_directory(cell: RunningCell) -> None:
    root = Path(f"/proc/{cell.orthanc_pid()}/root")
    assert sorted(each.name for each in (root / "cell").iterdir()) == ["door", "index", "log", "policy.json", "secret", "storage"]
    assert not (root / str(CHECKOUT).lstrip("/")).exists()
    assert not (root / str(cell.directory).lstrip("/")).exists()


def test_an_unknown_sop_class_is_kept(cell: RunningCell, tmp_path: Path) -> None:
    image = phantom.image(SOPClassUID="1.2.840.10008.5.1.4.1.1.99999")
    file = phantom.write(tmp_path, [image])[0]
    sent = phantom.dcmsend(cell.dicom_port, [file])
    assert "with status SUCCESS" in sent.stdout, sent.stdout


def test_the_log_names_no_patient(cell: RunningCell, tmp_path: Path) -> None:
    files = phantom.write(tmp_path, phantom.study(1, PatientID="SECRET-ID", PatientName="Secret^Name"))
    phantom.storescu(cell.dicom_port, files)
    assert "SECRET-ID" not in cell.log
    assert "Secret" not in cell.log


DEFAULTS = [
    (name, word)
    for name in ("orthanc", "admin", "alice", "root", "demo")
    for word in (name, "orthanc", "password", "alicePassword")
]


@pytest.mark.parametrize("pair", DEFAULTS)
def test_a13_no_default_pair_opens_a_cell(cell: RunningCell, pair: tuple[str, str]) -> None:
    """Twenty pairs by HTTP Basic. Orthanc's filter can only answer 403; the 401 of the control is the sidecar's."""
    assert cell.get("/system", auth=pair).status_code == 403
