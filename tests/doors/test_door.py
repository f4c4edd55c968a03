"""The door under people who mean ill, and what it tells of everybody."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.doors import phantom
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell
from tests.unit.door.requests import content, context, pdu

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
REJECTED = "Association Rejected"


def knock(cell: RunningCell, *parts: bytes) -> bytes:
    """Send these bytes and return what comes back until the door closes."""
    with socket.create_connection(("127.0.0.1", cell.dicom_port), timeout=15) as caller:
        for part in parts:
            caller.sendall(part)
        return receive_all(caller)


def receive_all(caller: socket.socket) -> bytes:
    answer = b""
    try:
        while part := caller.recv(4096):
            answer += part
    except ConnectionResetError:
        pass
    return answer


def told(inbox: FakeInbox, **wanted: Any) -> list[dict[str, Any]]:
    return [event for event in inbox.events("association") if all(event[name] == value for name, value in wanted.items())]


@pytest.fixture
def heard(module_inbox: FakeInbox) -> Callable[..., dict[str, Any]]:
    """Wait for an association record with these values."""

    def wait(**wanted: Any) -> dict[str, Any]:
        module_inbox.wait_for(lambda: bool(told(module_inbox, **wanted)))
        return told(module_inbox, **wanted)[-1]

    return wait


@pytest.fixture
def image(tmp_path: Path) -> list[Path]:
    return phantom.write(tmp_path, phantom.study(1))


def test_an_accepted_association_is_told_with_its_bytes(
    cell: RunningCell, heard: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    files = phantom.write(tmp_path, phantom.study(3, size=128))
    assert phantom.storescu(cell.dicom_port, files).returncode == 0
    record = heard(outcome="accepted", aet="CT1")
    assert (record["called_aet"], record["address"], record["port"], record["certificate"]) == ("MERCY", "127.0.0.1", "plain", "")
    assert (record["services"], record["count"], record["objects"]) == (["store"], 1, 3)
    assert record["bytes_in"] > 3 * 128 * 128
    assert 0 < record["bytes_out"] < 5000
    assert record["began_at"] <= record["ended_at"]


@pytest.mark.parametrize(
    ("request_pdu", "answer"),
    [
        (pdu(content(called=b"LUKE")), bytes.fromhex("030000000004 00 01 01 07")),
        (pdu(content(calling=b"NOBODY")), bytes.fromhex("030000000004 00 01 01 03")),
        (pdu(content(FIND)), bytes.fromhex("030000000004 00 01 01 01")),
        (pdu(content(version=2)), bytes.fromhex("030000000004 00 01 02 02")),
        (pdu(content(), kind=0x04), bytes.fromhex("070000000004 0000 02 02")),
        (b"GET / HTTP/1.1\r\n\r\n", bytes.fromhex("070000000004 0000 02 01")),
        (pdu(b"", length=2**32 - 1), bytes.fromhex("070000000004 0000 02 06")),
        (pdu(content(more=b"\x20\0\xff\xff")), bytes.fromhex("070000000004 0000 02 06")),
    ],
)
def test_refusals_speak_the_standards_words(cell: RunningCell, request_pdu: bytes, answer: bytes) -> None:
    assert knock(cell, request_pdu) == answer


def test_a_request_of_another_service_is_told(cell: RunningCell, heard: Callable[..., dict[str, Any]]) -> None:
    knock(cell, pdu(content(FIND)))
    assert heard(outcome="service-not-allowed")["services"] == ["find"]


def test_control_characters_in_titles_reach_nobody(cell: RunningCell, heard: Callable[..., dict[str, Any]]) -> None:
    knock(cell, pdu(content(calling=b"CT\r\n<script>\x1b[", called=b"MERCY")))
    assert heard(outcome="unknown-aet", aet="CT??<script>?[")["called_aet"] == "MERCY"


def test_a_large_honest_request_is_read_whole(cell: RunningCell) -> None:
    storage = b"".join(context(2 * place + 3, f"1.2.840.10008.5.1.4.1.1.{place}") for place in range(100))
    with socket.create_connection(("127.0.0.1", cell.dicom_port), timeout=10) as caller:
        caller.sendall(pdu(content("1.2.840.10008.1.1", more=storage)))
        assert caller.recv(1) == b"\x02"  # A-ASSOCIATE-AC


def seconds_to_store(cell: RunningCell, image: list[Path]) -> float:
    """Store an image; a machine that is busy with something else is given more than one try by whoever asks how long it took."""
    began = time.monotonic()
    assert "(Success)" in phantom.storescu(cell.dicom_port, image).stdout
    return time.monotonic() - began


def test_idle_associations_are_in_nobodys_way(cell: RunningCell, image: list[Path]) -> None:
    with ExitStack() as idle:
        for _ in range(20):
            caller = idle.enter_context(socket.create_connection(("127.0.0.1", cell.dicom_port), timeout=20))
            caller.sendall(pdu(content()))
            assert caller.recv(1) == b"\x02"
        assert any(seconds_to_store(cell, image) < 2 for _ in range(10))


def test_silent_callers_are_in_nobodys_way(cell: RunningCell, image: list[Path]) -> None:
    with ExitStack() as silent:
        for _ in range(50):
            silent.enter_context(socket.create_connection(("127.0.0.1", cell.dicom_port)))
        assert any(seconds_to_store(cell, image) < 3 for _ in range(10))


def test_a_flood_of_half_requests_is_in_nobodys_way(cell: RunningCell, image: list[Path]) -> None:
    with ExitStack() as half:
        for _ in range(300):
            half.enter_context(socket.create_connection(("127.0.0.1", cell.dicom_port))).sendall(pdu(content())[:50])
        assert "(Success)" in phantom.storescu(cell.dicom_port, image).stdout


def test_a_caller_that_drips_is_cut(cell: RunningCell, heard: Callable[..., dict[str, Any]]) -> None:
    request = pdu(content(calling=b"DRIP"))
    with socket.create_connection(("127.0.0.1", cell.dicom_port), timeout=20) as caller:
        began = time.monotonic()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):  # long before the last byte
            for byte in request:
                caller.sendall(bytes([byte]))
                time.sleep(0.2)
        assert time.monotonic() - began > 4
    heard(outcome="timeout", address="127.0.0.1")


@pytest.fixture
def crowd(cell: RunningCell) -> Iterator[list[socket.socket]]:
    """As many open associations as one address may have."""
    with ExitStack() as stack:
        callers = []
        for _ in range(32):
            caller = stack.enter_context(socket.create_connection(("127.0.0.1", cell.dicom_port), timeout=20))
            caller.sendall(pdu(content()))
            assert caller.recv(1) == b"\x02"  # A-ASSOCIATE-AC
            callers.append(caller)
        yield callers


def test_an_address_has_only_so_many_associations(
    cell: RunningCell, crowd: list[socket.socket], heard: Callable[..., dict[str, Any]], image: list[Path]
) -> None:
    assert knock(cell, pdu(content())) == bytes.fromhex("030000000004 00 02 03 02")
    heard(outcome="too-many", aet="CT1")
    for caller in crowd:
        caller.close()
    deadline = time.monotonic() + 30
    while "(Success)" not in phantom.storescu(cell.dicom_port, image).stdout:
        assert time.monotonic() < deadline


def test_without_room_on_the_disk_a_sender_is_asked_to_try_again_and_everybody_else_is_served(
    cell: RunningCell, heard: Callable[..., dict[str, Any]], image: list[Path]
) -> None:
    usual = cell.free_mb
    try:
        cell.free_mb = 10**9
        cell.kill_door()
        cell.start_door()
        cell.wait_until_ready()
        assert knock(cell, pdu(content())) == bytes.fromhex("030000000004 00 02 03 01")
        heard(outcome="no-room", aet="CT1")
        assert "no room for more images" in cell.door_log
        with socket.create_connection(("127.0.0.1", cell.dicom_port), timeout=20) as caller:
            caller.sendall(pdu(content("1.2.840.10008.1.1")))
            assert caller.recv(1) == b"\x02"
    finally:
        cell.free_mb = usual
        cell.kill_door()
        cell.start_door()
        cell.wait_until_ready()
    assert "(Success)" in phantom.storescu(cell.dicom_port, image).stdout


def test_a_service_withdrawn_ends_open_associations(cell: RunningCell) -> None:
    cell.senders.append({"aet": "LEAVER", "networks": ["127.0.0.0/8"]})
    cell.write_policy()
    cell.wait_until_ready()
    with socket.create_connection(("127.0.0.1", cell.dicom_port), timeout=20) as caller:
        caller.sendall(pdu(content(calling=b"LEAVER")))
        assert caller.recv(1) == b"\x02"
        cell.senders.pop()
        cell.write_policy()
        caller.settimeout(30)
        receive_all(caller)


def own_addresses() -> list[str]:
    listed = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()
    return [address for address in listed if "." in address]


def test_orthancs_own_port_is_shut_to_the_network(cell: RunningCell) -> None:
    listening = subprocess.run(["ss", "-Hltn", f"sport = :{cell.inner_dicom_port}"], capture_output=True, text=True, check=True)
    assert "%lo:" in listening.stdout, listening.stdout
    for address in own_addresses():
        with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable: never open
            socket.create_connection((address, cell.inner_dicom_port), timeout=2)
        socket.create_connection((address, cell.dicom_port), timeout=20).close()


def test_a_killed_door_loses_nothing_and_comes_back(cell: RunningCell, module_inbox: FakeInbox, tmp_path: Path) -> None:
    before, after = phantom.study(5), phantom.study(5)
    assert phantom.storescu(cell.dicom_port, phantom.write(tmp_path / "a", before)).stdout.count("(Success)") == 5
    cell.kill_door()
    cell.start_door()
    cell.wait_until_ready()
    assert phantom.storescu(cell.dicom_port, phantom.write(tmp_path / "b", after)).stdout.count("(Success)") == 5
    wanted = {str(each.SOPInstanceUID) for each in before + after}
    module_inbox.wait_for(lambda: wanted <= set(module_inbox.sop_instance_uids()))
    remote = {each["RemoteIP"] for event in module_inbox.events("instances-stored") for each in event["instances"]}
    assert remote == {"127.0.0.1"}


def test_a_cell_that_is_gone_is_said_to_be_busy_and_one_that_starts_anew_is_waited_for(
    own_cell: RunningCell, image: list[Path]
) -> None:
    own_cell.start()
    own_cell.kill()
    assert knock(own_cell, pdu(content())) == bytes.fromhex("030000000004 00 02 03 01")
    assert "the cell does not answer" in own_cell.door_log
    own_cell.start_orthanc()
    deadline = time.monotonic() + 20
    while "(Success)" not in phantom.storescu(own_cell.dicom_port, image).stdout:
        assert time.monotonic() < deadline


def test_the_door_is_small_and_its_log_names_no_caller(cell: RunningCell) -> None:
    status = Path(f"/proc/{cell.door_pid()}/status").read_text()
    resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    assert resident < 80_000, "KB"
    assert len(list(Path(f"/proc/{cell.door_pid()}/fd").iterdir())) < 100
    assert "Traceback" not in cell.door_log
