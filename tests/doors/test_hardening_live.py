"""Each hardening line of orthanc.json by what a running Orthanc does under it, and under its opposite.

A probe looks at a running server only. It must see the hardened value on one server and the soft value on another that differs
by exactly these lines, so no probe can pass by looking away.
"""

from __future__ import annotations

import inspect
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.dcmtk import path_of
from tests.doors import phantom
from tests.doors.bare_orthanc import AET, BareOrthanc, hardened

SOFT: dict[str, Any] = {
    "RestApiWriteToFileSystemEnabled": True,
    "ExecuteLuaEnabled": True,
    "WebDavEnabled": True,
    "WebDavUploadAllowed": True,
    "WebDavDeleteAllowed": True,
    "HttpDescribeErrors": True,
    "DicomCheckCalledAet": False,
    "StrictAetComparison": False,
    "DicomModalitiesInDatabase": False,
    "DicomAlwaysAllowEcho": True,
    "DicomAlwaysAllowStore": True,
    "DicomAlwaysAllowFind": True,
    "DicomAlwaysAllowFindWorklist": True,
    "DicomAlwaysAllowGet": True,
    "DicomAlwaysAllowMove": True,
    "OrthancPeersInDatabase": True,
    "SyncStorageArea": False,
    "UnknownSopClassAccepted": False,
    "DeidentifyLogs": False,
    "SaveJobs": True,
    "TcpNoDelay": False,
    "KeepAlive": False,
}
OTHER: dict[str, Any] = {"OrthancPeers": {"elsewhere": ["http://127.0.0.1:9/"]}, "DicomCheckModalityHost": True}
"""Lines that others of SOFT would hide: on a server of their own."""
KNOWN = "KNOWNCT"


def left_for_a_restart(server: BareOrthanc, directory: Path) -> BareOrthanc:
    """Start, register a caller, a peer and a job for a node that is not there."""
    server.start()
    server.http.put("/peers/later", json=["http://127.0.0.1:9/"]).raise_for_status()
    caller = {"AET": KNOWN, "Host": "10.9.9.9", "Port": 104}
    server.http.put(f"/modalities/{KNOWN}", json=caller).raise_for_status()
    server.http.put("/modalities/GONE", json={"AET": "GONE", "Host": "127.0.0.1", "Port": 9}).raise_for_status()
    job = {"Resources": [upload(server, directory)], "Asynchronous": True}
    server.http.post("/modalities/GONE/store", json=job).raise_for_status()
    return server


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BareOrthanc, BareOrthanc, BareOrthanc]]:
    """Return one as configured, and two that differ from it by SOFT and by OTHER."""
    made = [BareOrthanc(tmp_path_factory.mktemp("orthanc"), **changes) for changes in ({}, SOFT, OTHER)]
    try:
        hard, soft, other = (left_for_a_restart(server, tmp_path_factory.mktemp("files")) for server in made)
        yield hard, soft, other
    finally:
        for server in made:
            server.discard()


def dcmtk(program: str, server: BareOrthanc, *options: str, calling: str = KNOWN, called: str = AET) -> str:
    """Run a DCMTK client; its whole output."""
    words = [path_of(program), "-v", "-aet", calling, "-aec", called, *options, "127.0.0.1", str(server.dicom_port)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    return done.stdout + done.stderr


def associated(said: str) -> bool:
    return "Association Accepted" in said


def traced_by(tracer: int, pid: int) -> bool:
    """Say whether all threads of a process are attached, which happens one by one."""
    try:
        said = [(thread / "status").read_text() for thread in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):  # a thread ended between the two: look again
        return False
    return all(f"TracerPid:\t{tracer}\n" in each for each in said)


def traced(server: BareOrthanc, calls: str, act: Callable[[], object], directory: Path) -> str:
    """Return the system calls that Orthanc made during an act."""
    out = directory / f"trace-{server.http_port}-{calls.split(',', maxsplit=1)[0]}"
    with subprocess.Popen(
        ["strace", "-f", "-q", "-e", f"trace={calls}", "-o", str(out), "-p", str(server.pid())], stderr=subprocess.DEVNULL
    ) as tracer:
        deadline = time.monotonic() + 30
        while not traced_by(tracer.pid, server.pid()):
            assert time.monotonic() < deadline, "strace is not attached"
            time.sleep(0.02)
        act()
        tracer.terminate()
        tracer.wait(10)
    return out.read_text()


def upload(server: BareOrthanc, directory: Path, **elements: Any) -> str:
    file = phantom.write(directory, [phantom.image(**elements)])[0]
    return str(server.http.post("/instances", content=file.read_bytes()).json()["ID"])


def export(server: BareOrthanc, directory: Path) -> bool:
    return server.http.post(f"/instances/{upload(server, directory)}/export", content="/cell/written").status_code == 200


def script(server: BareOrthanc) -> bool:
    return server.http.post("/tools/execute-script", content="print(1)").status_code == 200


def webdav(server: BareOrthanc) -> bool:
    return server.http.request("PROPFIND", "/webdav/", headers={"Depth": "1"}).status_code == 207


def webdav_upload(server: BareOrthanc) -> bool:
    return server.http.put("/webdav/uploads/x", content=b"x").status_code < 300


def webdav_delete(server: BareOrthanc) -> bool:
    return server.http.delete("/webdav/by-uids/x").status_code not in {403, 404, 405}


def describes(server: BareOrthanc) -> bool:
    return server.http.post("/tools/find", content="not JSON").content != b""


def other_called(server: BareOrthanc) -> bool:
    """Whether a caller that names another archive is let in: the opposite of the line."""
    return not associated(dcmtk("findscu", server, "-S", "-k", "QueryRetrieveLevel=STUDY", called="ANOTHER"))


def other_case(server: BareOrthanc) -> bool:
    return not associated(dcmtk("findscu", server, "-S", "-k", "QueryRetrieveLevel=STUDY", calling=KNOWN.lower()))


def unknown_echo(server: BareOrthanc) -> bool:
    return "Received Echo Response (Success)" in dcmtk("echoscu", server, calling="NOBODY")


def unknown_store(server: BareOrthanc, directory: Path) -> bool:
    file = str(phantom.write(directory, [phantom.image()])[0])
    done = subprocess.run(
        [path_of("storescu"), "-v", "-aet", "NOBODY", "-aec", AET, "127.0.0.1", str(server.dicom_port), file],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    return "Received Store Response (Success)" in done.stdout + done.stderr


def unknown_find(server: BareOrthanc) -> bool:
    return "Received Final Find Response (Success)" in dcmtk(
        "findscu", server, "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", calling="NOBODY"
    )


def unknown_worklist(server: BareOrthanc) -> bool:
    return "Received Final Find Response" in dcmtk("findscu", server, "-W", "-k", "PatientName", calling="NOBODY")


def unknown_get(server: BareOrthanc, directory: Path) -> bool:
    """Whether a caller nobody registered is given an image."""
    image = phantom.image()
    file = phantom.write(directory, [image])[0]
    server.http.post("/instances", content=file.read_bytes()).raise_for_status()
    study = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={image.StudyInstanceUID}")
    said = dcmtk("getscu", server, "-S", *study, "-od", str(directory), "+B", calling="NOBODY")
    return "Received C-STORE Request" in said


def unknown_move(server: BareOrthanc) -> bool:
    said = dcmtk("movescu", server, "-aem", KNOWN, "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2",
                 calling="NOBODY")  # fmt: skip
    return associated(said)


def unknown_class(server: BareOrthanc, directory: Path) -> bool:
    file = phantom.write(directory, [phantom.image(SOPClassUID="1.2.840.10008.5.1.4.1.1.99999")])[0]
    server.http.put("/modalities/STORER", json={"AET": "STORER", "Host": "127.0.0.1", "Port": 104})
    done = subprocess.run(
        [path_of("dcmsend"), "-v", "--no-uid-checks", "-aet", "STORER", "-aec", AET, "127.0.0.1", str(server.dicom_port),
         str(file)],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    return "with status SUCCESS" in done.stdout + done.stderr


def names_patients(server: BareOrthanc) -> bool:
    """Whether the log shows what a caller searched for: the opposite of the line."""
    dcmtk("findscu", server, "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName=SEARCHED^FOR")
    return "SEARCHED" not in server.log


def synced(server: BareOrthanc, directory: Path) -> bool:
    """Whether an acknowledged image was forced to disk (fsync of a file in the storage area)."""
    trace = traced(server, "fsync,fdatasync,openat", lambda: upload(server, directory), directory)
    opened = {
        (line.split()[0], line.rsplit("= ", 1)[1].strip()) for line in trace.splitlines() if "/storage/" in line and "O_" in line
    }
    return any(
        (line.split()[0], line.split("sync(", 1)[1].split(")")[0]) in opened for line in trace.splitlines() if "sync(" in line
    )


def no_delay(server: BareOrthanc, directory: Path) -> bool:
    def ask() -> None:
        import httpx

        with httpx.Client(base_url=server.http.base_url, trust_env=False) as fresh:
            fresh.get("/system")

    return "TCP_NODELAY, [1]" in traced(server, "setsockopt", ask, directory)


def keeps_alive(server: BareOrthanc) -> bool:
    return "close" not in server.http.get("/system").headers.get("connection", "").lower()


def other_address(server: BareOrthanc) -> bool:
    """Whether a registered title is let in from an address that is not the registered one."""
    return associated(dcmtk("echoscu", server))


def peers_of_the_file(server: BareOrthanc) -> bool:
    return "elsewhere" in server.http.get("/peers").json()


IMMEDIATE: dict[str, tuple[Callable[..., bool], bool]] = {
    "RestApiWriteToFileSystemEnabled": (export, False),
    "ExecuteLuaEnabled": (script, False),
    "WebDavEnabled": (webdav, False),
    "WebDavUploadAllowed": (webdav_upload, False),
    "WebDavDeleteAllowed": (webdav_delete, False),
    "HttpDescribeErrors": (describes, False),
    "DicomCheckCalledAet": (other_called, True),
    "StrictAetComparison": (other_case, True),
    "DicomAlwaysAllowEcho": (unknown_echo, False),
    "DicomAlwaysAllowStore": (unknown_store, False),
    "DicomAlwaysAllowFind": (unknown_find, False),
    "DicomAlwaysAllowFindWorklist": (unknown_worklist, False),
    "DicomAlwaysAllowGet": (unknown_get, False),
    "DicomAlwaysAllowMove": (unknown_move, False),
    "UnknownSopClassAccepted": (unknown_class, True),
    "DeidentifyLogs": (names_patients, True),
    "SyncStorageArea": (synced, True),
    "TcpNoDelay": (no_delay, True),
    "KeepAlive": (keeps_alive, True),
}
"""Line → what to look at, and what is seen when the line stands as written; the opposite on the soft server."""
AFTER_RESTART = {"DicomModalitiesInDatabase": True, "OrthancPeersInDatabase": False, "SaveJobs": False}


@pytest.mark.parametrize("line", IMMEDIATE)
def test_a_line_does_what_it_says(servers: tuple[BareOrthanc, ...], line: str, tmp_path: Path) -> None:
    probe, expected = IMMEDIATE[line]
    hard, soft, _ = servers
    more = [tmp_path] if "directory" in inspect.signature(probe).parameters else []
    assert probe(hard, *more) is expected
    assert probe(soft, *more) is not expected


def test_an_address_is_not_orthancs_to_check_and_no_peer_stands_in_the_file(servers: tuple[BareOrthanc, ...]) -> None:
    hard, _, other = servers
    assert (other_address(hard), other_address(other)) == (True, False)
    assert (peers_of_the_file(hard), peers_of_the_file(other)) == (False, True)


def test_what_a_restart_keeps(servers: tuple[BareOrthanc, ...]) -> None:
    with ThreadPoolExecutor() as pool:  # Orthanc takes its time to end
        list(pool.map(BareOrthanc.stop, servers[:2]))
    kept = []
    for server in servers[:2]:
        server.start()
        ask = server.http.get
        kept.append(
            {
                "DicomModalitiesInDatabase": KNOWN in ask("/modalities").json(),
                "OrthancPeersInDatabase": "later" in ask("/peers").json(),
                "SaveJobs": bool(ask("/jobs").json()),
            }
        )
    assert kept[0] == AFTER_RESTART
    assert kept[1] == {line: not value for line, value in AFTER_RESTART.items()}


def test_each_line_on_trial_stands_in_the_file() -> None:
    environment = {"RR_CELL_HTTP_PORT": "1", "RR_CELL_DICOM_PORT": "1", "RR_CELL_INNER_DICOM_PORT": "1"}
    settings = hardened(environment)
    assert {name: settings[name] for name in SOFT} == {name: not value for name, value in SOFT.items()}
    assert settings["OrthancPeers"] == {}
    assert set(IMMEDIATE) | set(AFTER_RESTART) == set(SOFT)
