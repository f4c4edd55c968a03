"""Mutated images at the DICOM and STOW doors, mutated requests at the gate: nothing dies, nothing of ours breaks, nothing leaks.

A sample in the gate of every run; the whole (20,000 images, 10,000 requests) by ``./readingroom proof fuzz``.
"""

from __future__ import annotations

import http.client
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filereader import dcmread
from pynetdicom import AE, Association, _config

from sidecar.adapters.cell_tokens import session_hash
from sidecar.gate.actor import Role
from sidecar.instance import Instance
from sidecar.kernel.clock import utc_now
from tests.doors import phantom
from tests.doors.twin_world import AET, Twin, World
from tests.doors.visitor import Visitor
from tests.factories.mutants import mutate

IMAGES = int(os.environ.get("RR_FUZZ_IMAGES", "600"))
BY_C_STORE = IMAGES // 20
"""The others go by STOW-RS: an unanswered C-STORE costs a second, see PATIENCE."""
BATCH = 20
"""Instances in one STOW request."""
REQUESTS = int(os.environ.get("RR_FUZZ_REQUESTS", "400"))
PATIENCE = 0.5
"""Seconds to wait for an answer: to a data set that DCMTK cannot parse Orthanc gives none, and waits for the sender to go on."""
FLAT = 150 * 1024 * 1024
"""Bytes by which a cell may have grown after all of them: its caches fill, see orthanc.json."""


def processes(world: World, twin: Twin) -> dict[str, tuple[int, int]]:
    """Return name → (pid, resident bytes) of what runs for a cell."""
    found = {}
    for each in Path("/proc").iterdir():
        if each.name.isdecimal():
            try:
                words = (each / "cmdline").read_bytes().split(b"\0")
                environment = (each / "environ").read_bytes()
                resident = int((each / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
            except OSError:  # it ended while we looked, which the comparison will tell
                continue
            if (
                not {b"--openapi", b"--verbose-plugins"} & set(words)  # the survey of the served routes, which a start begins
                and str(twin.cell.id).encode() in environment + b"".join(words)
                and words[0].endswith((b"Orthanc", b"python3"))
            ):
                found[words[0].decode() + words[1].decode()[:40]] = (int(each.name), resident)
    assert found
    return found


@pytest.fixture
def unharmed(world: World) -> Iterator[None]:
    """Before and after: the same processes, not much larger, the other hospital untouched, and a good image is taken."""
    before, other = processes(world, world.alpha), world.snapshot(world.bravo)
    yield
    after = processes(world, world.alpha)
    assert {name: pid for name, (pid, _) in after.items()} == {name: pid for name, (pid, _) in before.items()}
    for name, (_, resident) in after.items():
        assert resident - before[name][1] < FLAT, name
    assert world.snapshot(world.bravo) == other


def seeds() -> list[bytes]:
    """Return good files to mutate: ours and pydicom's."""
    ours = BytesIO()
    phantom.image(8).save_as(ours, enforce_file_format=True)
    names = ("CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "rtplan.dcm", "reportsi.dcm", "nested_priv_SQ.dcm")
    return [ours.getvalue(), *(Path(str(get_testdata_file(name))).read_bytes() for name in names)]


def connect(twin: Twin, good: Sequence[Dataset]) -> Association:
    entity = AE(ae_title=AET)
    entity.acse_timeout = 10
    entity.dimse_timeout = PATIENCE
    for each in good:
        entity.add_requested_context(each.SOPClassUID, each.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", twin.cell.dicom_port, ae_title=twin.cell.aet)
    assert association.is_established
    return association


def test_mutated_images_by_c_store(
    world: World, unharmed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """The file meta information stays good, since the sender's library reads it; what goes over the wire does not."""
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)  # send the bytes as they stand
    pairs = [(each, dcmread(BytesIO(each), stop_before_pixels=True)) for each in seeds()]
    files, good = zip(*[pair for pair in pairs if "SOPClassUID" in pair[1]], strict=True)
    begins = [144 + each.file_meta.FileMetaInformationGroupLength for each in good]
    file, statuses = tmp_path / "mutant.dcm", Counter[str]()
    association = connect(world.alpha, good)
    for seed in range(BY_C_STORE):
        which = seed % len(files)
        file.write_bytes(mutate(files[which], seed, keep=begins[which]))
        if not association.is_established:
            association = connect(world.alpha, good)
        answer = association.send_c_store(file)
        statuses[f"{answer.Status:#06x}" if "Status" in answer else "no answer"] += 1
    association.release()
    record_property("cases", BY_C_STORE)
    assert statuses.total() == BY_C_STORE
    assert statuses["0x0000"] > 0
    last = phantom.write(tmp_path / "good", [phantom.image()])
    sent = phantom.storescu(world.alpha.cell.dicom_port, last, calling=AET, called=world.alpha.cell.aet)
    assert "(Success)" in sent.stdout


def related(parts: Sequence[bytes]) -> bytes:
    """Return the body of a STOW request (PS3.18 section 10.5)."""
    return b"".join(b"\r\n--limit\r\nContent-Type: application/dicom\r\n\r\n" + part for part in parts) + b"\r\n--limit--\r\n"


def test_mutated_images_by_stow(
    world: World, unharmed: None, house: Instance, record_property: Callable[[str, object], None]
) -> None:
    """Here the file meta information is wrong too, and the frame of the request itself in every fifth one."""
    person = Visitor(house.url, world.alpha.people[Role.TECHNICIAN])
    files, statuses, told = seeds(), Counter[int](), 0
    for first in range(BY_C_STORE, IMAGES, BATCH):
        body = related([mutate(files[seed % len(files)], seed) for seed in range(first, first + BATCH)])
        if first // BATCH % 5 == 4:
            body = mutate(body, first)
        answer = person.http.post(
            "/dicom-web/own/studies", content=body,
            headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=limit'},
        )  # fmt: skip
        statuses[answer.status_code] += 1
        assert answer.status_code in {200, 202, 400, 409, 413, 415}, (first, answer.status_code, answer.text[:300])
        assert not [mark for mark in world.bravo.canaries if mark in answer.text], first
        if answer.status_code in {200, 202, 409}:
            module = answer.json()
            told += sum(len(module.get(tag, {}).get("Value", [])) for tag in ("00081198", "00081199", "0008119A"))
    person.close()
    record_property("cases", IMAGES - BY_C_STORE)
    assert told >= IMAGES // 2, (told, statuses)


def good_requests(world: World, twin: Twin) -> list[bytes]:
    """Return requests that the gate lets pass for a reading context or for own staff."""
    shared, ids = twin.shared, twin.shared.orthanc()
    person = twin.people[Role.RADIOLOGIST]
    context = world.workshop.tokens.mint(
        cell=twin.cell.id, subject=str(person.user_id), organisation=twin.cell.organisation_id, role="radiologist",
        session=session_hash(person.actor.session), now=utc_now(), studies=[shared.study],
    )  # fmt: skip
    staff = twin.token(world.workshop, Role.RADIOLOGIST)
    instance = f"/dicom-web/studies/{shared.study}/series/{shared.series}/instances/{shared.instance}"
    asked = [
        ("GET", f"{instance}/frames/1", context), ("GET", f"{instance}/rendered?viewport=64,64", context),
        ("GET", f"/studies/{ids['studies']}", context), ("GET", f"/studies/{ids['studies']}", staff),
        ("GET", f"/instances/{ids['instances']}/preview", staff), ("GET", "/studies?expand", staff),
        ("POST", "/tools/find", staff),
    ]  # fmt: skip
    requests = []
    for method, path, token in asked:
        body = b'{"Level":"Study","Query":{"PatientID":"*"},"Expand":true}' if method == "POST" else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: cell\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
        requests.append(head.encode() + body)
    return requests


def not_text(request: bytes) -> bool:
    """Say whether a request's head is no UTF-8: Orthanc's Python plugin answers 500 to those, before any code of ours runs."""
    try:
        request.split(b"\r\n\r\n")[0].decode()
    except UnicodeDecodeError:
        return True
    return False


def ask_raw(port: int, request: bytes) -> tuple[int | None, bytes]:
    """Send bytes as they stand; return status and whole answer, None when the connection was closed without one."""
    import socket

    with socket.create_connection(("127.0.0.1", port), timeout=5) as door:
        door.sendall(request)
        door.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(door)
        try:
            answer.begin()
            return answer.status, str(answer.headers).encode() + answer.read()
        except (http.client.HTTPException, OSError):
            return None, b""


def test_mutated_requests_at_the_gate(world: World, unharmed: None, record_property: Callable[[str, object], None]) -> None:
    chance = random.Random(7)  # noqa: S311 - repeatable on purpose
    statuses: Counter[int | None] = Counter()
    good = good_requests(world, world.alpha)
    assert {ask_raw(world.alpha.cell.http_port, each)[0] for each in good} == {200}
    for seed in range(REQUESTS):
        if seed % 1000 == 0:
            good = good_requests(world, world.alpha)  # tokens run out
        request = mutate(chance.choice(good), seed)
        for twin in (world.alpha, world.bravo):
            status, said = ask_raw(twin.cell.http_port, request)
            statuses[status] += 1
            assert status in {None, 501} or status < 500 or not_text(request), (seed, status, request[:200])
            shown = [mark for mark in world.bravo.canaries if mark.encode() in said]
            assert not shown, (seed, request[:200], shown)
    record_property("cases", statuses.total())
    assert statuses[403] > 0
