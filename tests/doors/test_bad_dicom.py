"""Files no scanner should send, by C-STORE and over HTTP: refused or kept, and the cell goes on as it was."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE

from sidecar.intake.forms import EVENT
from tests.doors import phantom
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell
from tests.factories.bad_dicom import CT, DEFLATED, Bad, Maker, all_bad, nested

MEMORY = 700
"""MiB that a cell may use at most while all of them come in; a good one uses about 100."""


@pytest.fixture(scope="module")
def bad() -> list[Bad]:
    return list(all_bad(Maker()))


@pytest.fixture(autouse=True)
def unharmed(cell: RunningCell, module_inbox: FakeInbox, tmp_path: Path) -> Iterator[None]:
    """After each test: the same process, little memory, and a good image is taken and told."""
    before = cell.orthanc_pid(), cell.door_pid()
    yield
    assert (cell.orthanc_pid(), cell.door_pid()) == before
    assert memory(cell) < MEMORY
    good = phantom.study(1)
    assert "(Success)" in phantom.storescu(cell.dicom_port, phantom.write(tmp_path / "good", good)).stdout
    uid = good[0].StudyInstanceUID
    module_inbox.wait_for(
        lambda: uid in {event["study"]["StudyInstanceUID"] for event in module_inbox.events("instances-stored")}
    )
    assert not any(cell.status()["crashes"].values())


def memory(cell: RunningCell) -> int:
    """Return the most the process ever used, in MiB."""
    status = Path(f"/proc/{cell.orthanc_pid()}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) // 1024


def store(port: int, one: Bad) -> str:
    """Send the bytes as they stand; return the status in hex, "refused" (no such transfer syntax) or "silence"."""
    entity = AE("CT1")
    entity.acse_timeout, entity.dimse_timeout, entity.network_timeout = 10, 1, 10
    entity.add_requested_context(CT, [one.syntax])
    association = entity.associate("127.0.0.1", port, ae_title="MERCY")
    if not association.is_established:
        return "refused"
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CT, one.instance
    request.DataSet = BytesIO(one.dataset + b"\0" * (len(one.dataset) % 2))
    # What send_c_store does, which takes no bytes: its own reader must not take the answer away.
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        time.sleep(0.005)
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id or 1)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    association.abort()
    return "silence" if answer is None else f"{answer.Status:04x}"


def test_by_c_store(cell: RunningCell, module_inbox: FakeInbox, bad: list[Bad]) -> None:
    """Orthanc does not answer when DCMTK cannot read a data set to its end; the association ends by its timeout then."""
    sent = [one for one in bad if one.dataset]
    with ThreadPoolExecutor(4) as pool:
        outcomes = dict(zip((one.name for one in sent), pool.map(lambda one: store(cell.dicom_port, one), sent), strict=True))
    assert set(outcomes.values()) <= {"0000", "a700", "a900", "refused", "silence"}, outcomes
    assert {name for name, outcome in outcomes.items() if outcome == "refused"} == {"deflated bomb", "deflated nonsense"}
    assert all(outcome != "0000" for name, outcome in outcomes.items() if "000 levels" in name)
    stored = sum(outcome == "0000" for outcome in outcomes.values())
    module_inbox.wait_for(lambda: sum(len(each["instances"]) for each in module_inbox.events("instances-stored")) >= stored * 0.9)
    for event in module_inbox.events("instances-stored"):
        EVENT.validate_python(event)  # nothing of it is too strange for the index


def test_over_http(cell: RunningCell, bad: list[Bad]) -> None:
    """POST /instances, by which the sidecar hands over what came by STOW-RS."""
    with httpx.Client(base_url=cell.url, timeout=30, headers={"Authorization": f"Bearer {cell.token()}"}) as client:
        for one in bad:
            if one.syntax != DEFLATED:  # STOW-RS refuses these before
                assert client.post("/instances", content=one.file).status_code in {200, 400, 404}, one.name


@pytest.mark.parametrize("lengths", [True, False])
def test_what_is_stored_can_be_looked_at(cell: RunningCell, lengths: bool) -> None:
    """Sixty-three levels ended the process as soon as somebody looked."""
    one = Maker(f"1.2.826.0.1.3680043.8.498.78.{int(lengths)}").bad("deep", extra=nested(63, lengths=lengths))
    assert store(cell.dicom_port, one) == "0000"
    uid = one.instance.rpartition(".")[0]
    series = f"/dicom-web/studies/{uid}.1/series/{uid}.2"
    for path in (f"{series}/metadata", f"{series}/instances/{uid}.3/rendered", f"{series}/instances/{uid}.3/frames/1"):
        token = cell.token() if path.endswith("/metadata") else cell.token(studies=[f"{uid}.1"])
        assert cell.get(path, token).status_code == 200, path


def test_no_name_becomes_a_path(cell: RunningCell) -> None:
    """Whatever UIDs say, files lie under names that Orthanc made."""
    for path in (cell.directory / "storage").rglob("*"):
        assert re.fullmatch(r"[0-9a-f-]+", path.name), path
    with contextlib.suppress(FileNotFoundError):
        assert "passwd" not in {each.name for each in cell.directory.parent.iterdir()}
