"""Two hundred hostile texts at every door of the whole house, and in the tags of images: no log has a forged line or a secret."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx

from sidecar.gate.actor import Role
from sidecar.instance import Instance
from tests.cast import PASSWORD
from tests.doors import phantom
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell
from tests.doors.twin_world import World
from tests.doors.visitor import Visitor
from tests.factories.payloads import MARK, WITHHELD, payloads

ORTHANC_LINE = re.compile(r"[EWIT]\d{4} \d\d:\d\d:\d\d\.\d{6} .{0,40}\] ")
NAME = "CANARY^ANNE"
LINE, ESCAPE = "~", "`"
"""Stand for what is put into the files."""


def texts() -> list[str]:
    return payloads(200)


def header(text: str) -> bytes:
    """What an honest HTTP library sends as a header's value."""
    return re.sub(rb"[\x00-\x1f\x7f]", b" ", text.encode()).strip()


def _raw(url: str, text: str) -> None:
    """What a dishonest one sends: everything but line ends and NUL, as it is."""
    host = urlsplit(url)
    value = re.sub(rb"[\r\n\x00]", b" ", text.encode())
    request = b"GET /worklist?q=" + quote(text).encode() + b" HTTP/1.1\r\nHost: " + host.netloc.encode()
    with socket.create_connection((str(host.hostname), host.port or 80), timeout=10) as door:
        door.sendall(
            request + b"\r\nUser-Agent: " + value + b"\r\nCookie: rr_session=" + value + b"\r\nConnection: close\r\n\r\n"
        )
        while door.recv(65536):
            pass


def _knock(http: httpx.Client, number: int, text: str) -> None:
    """Bring one text to one of the doors, in whatever of the request may hold it."""
    odd = {name: header(text) for name in ("User-Agent", "Referer", "X-Request-ID", "Accept-Language")}
    match number % 5:
        case 0:
            http.post("/login", data={"email": text, "password": text, text: text}, headers=odd)
        case 1:
            http.get("/worklist", params={"q": text, "x": text}, headers=odd | {"Cookie": header(f"rr_session={text}")})
        case 2:
            http.get(f"/reset/{WITHHELD[5]}{number}", headers=odd)
        case 3:
            http.post("/api/auth/login", json={"email": text, "password": text}, headers=odd)
        case 4:
            http.post("/intake/events", json={"events": [{"kind": text}]}, headers=odd | {"Authorization": header(text)})


def test_c05_no_log_of_the_house_has_a_forged_line_or_a_secret(house: Instance, world: World) -> None:
    """Forms, addresses, arguments, headers and JSON bodies, as nobody and as somebody signed in."""
    url = house.env()["RR_PUBLIC_URL"]
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
        for number, text in enumerate(texts()):
            _knock(http, number, text)
            _raw(url, text)
    Visitor(url, world.alpha.people[Role.TECHNICIAN]).close()
    logs = {path.name: path.read_text(errors="replace") for path in (house.layout.logs).glob("*.log")}
    assert {"web.log", "worker.log", "nginx.log"} <= set(logs)
    for name in ("web.log", "nginx.log", "worker.log"):
        for line in logs[name].splitlines():
            if MARK in line or line.startswith("{"):
                assert isinstance(json.loads(line), dict), (name, line[:300])
    for name, text in logs.items():
        for secret in (*WITHHELD, PASSWORD):
            assert secret not in text, (name, text[max(0, text.find(secret) - 200) :][:400])
        assert "\x1b" not in text, name


def tag(text: str, longest: int = 60) -> str:
    """What pydicom lets through; line ends and escapes are put in afterwards, in the file."""
    marked = re.sub("[\n\r\x85\u2028\u2029\x0b\x0c]", LINE, text.replace("\x1b", ESCAPE).replace("\x9b", ESCAPE))
    return re.sub(r"[\x00-\x1f\x7f-\x9f\\\u202e=]", " ", marked)[:longest].strip()


def test_c05_no_tag_of_an_image_and_no_caller_writes_into_a_cells_logs(
    cell: RunningCell, module_inbox: FakeInbox, tmp_path: Path
) -> None:
    """Two hundred payloads in the text tags of 40 images; a receipt and a path, too."""
    images = []
    for number in range(0, 200, 5):
        one, two, three, four, five = (tag(each) for each in texts()[number : number + 5])
        images += phantom.study(
            1, PatientName=NAME, PatientID=one, StudyDescription=two, AccessionNumber=three[:16],
            ReferringPhysicianName=four, SeriesDescription=five,
        )  # fmt: skip
    files = phantom.write(tmp_path, images)
    for file in files:
        file.write_bytes(file.read_bytes().replace(LINE.encode(), b"\n").replace(ESCAPE.encode(), b"\x1b"))
    assert phantom.storescu(cell.dicom_port, files).stdout.count("(Success)") == len(files)
    module_inbox.wait_for(lambda: len(module_inbox.sop_instance_uids()) >= len(files))
    cell.get("/studies", cell.token(studies=[], rcp=texts()[3]))
    cell.get(f"/x%0a{MARK}", "not.a.token")
    for log in (cell.log, cell.door_log):
        assert NAME.split("^", maxsplit=1)[0] not in log
        assert not any(secret in log for secret in WITHHELD)
        assert "\x1b" not in log
        for line in log.splitlines():
            assert MARK not in line or ORTHANC_LINE.match(line), line[:200]
            assert not line.startswith(("{", MARK)), line[:200]
