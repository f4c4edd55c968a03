"""Nine DIMSE services by seven identities at two hospitals whose identifiers are all equal: who gets what, and whose.

Oracles: the expected outcome; no canary of the other hospital in any answer or at any node; the other's archive unchanged.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove, Verification  # type: ignore[attr-defined]

from tests.doors.dimse_world import SERVICES, SUCCESS, Hospital, ask, call, identifiers, open_hospital

Hospitals = tuple[Hospital, Hospital]
NO_REASON, CALLING_UNKNOWN, CALLED_UNKNOWN = 1, 3, 7
"""Reasons of an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""
IDENTITIES = (
    "with it",
    "without it",
    "without it, beside another",
    "unknown",
    "from elsewhere",
    "calling another",
    "the other's",
)
NEVER = {"N-EVENT-REPORT"}
"""A cell asks nobody for commitment, so nobody has anything to report to it."""


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospitals]:
    root = tmp_path_factory.mktemp("dimse")
    with (
        open_hospital(root / "mercy", "MERCY", "CANARYMERCY") as mercy,
        open_hospital(root / "luke", "LUKE", "CANARYLUKE") as luke,
    ):
        yield mercy, luke


def titles(identity: str, service: str, here: Hospital, there: Hospital) -> tuple[str, str, int | None]:
    """Return the calling and the called title of an identity, and the reason of its rejection."""
    needed = SERVICES[service][0].upper()
    return {
        "with it": (f"ONLY_{needed}", here.cell.aet, None),
        # C-GET brings a storage context along, for which it has the permission: the association stands, the service does not.
        "without it": (f"NOT_{needed}", here.cell.aet, None if service == "C-GET" else NO_REASON),
        "without it, beside another": (f"NOT_{needed}", here.cell.aet, None),
        "unknown": ("NOBODY", here.cell.aet, CALLING_UNKNOWN),
        "from elsewhere": ("AWAY", here.cell.aet, CALLING_UNKNOWN),
        "calling another": (f"ONLY_{needed}", there.cell.aet, CALLED_UNKNOWN),
        "the other's": (f"{there.cell.aet}_PACS", here.cell.aet, CALLING_UNKNOWN),
    }[identity]


@pytest.mark.parametrize("service", list(SERVICES))
@pytest.mark.parametrize("identity", IDENTITIES)
def test_b07_who_gets_what(hospitals: Hospitals, service: str, identity: str) -> None:
    for here, there in (hospitals, hospitals[::-1]):
        calling, called, reason = titles(identity, service, here, there)
        before, at_node = there.state(), len(there.received)
        other = "find" if SERVICES[service][0] == "echo" else "echo"
        beside = (SERVICES["C-FIND study root"][1] if other == "find" else Verification,) if "beside" in identity else ()
        answer = ask(here, service, calling=calling, called=called, beside=beside)
        assert answer.rejected == reason
        assert answer.served is (identity == "with it" and service not in NEVER)
        assert there.canary not in answer.seen
        assert there.state() == before, "the other archive is as it was"
        assert len(there.received) == at_node, "nothing went to the other's node"
        if answer.served and service.startswith(("C-FIND", "C-GET")):
            assert here.canary in answer.seen


def test_what_was_moved_came_from_the_own_archive(hospitals: Hospitals) -> None:
    for here, there in (hospitals, hospitals[::-1]):
        del here.received[:]
        assert ask(here, "C-MOVE", calling="ONLY_MOVE", called=here.cell.aet).served
        assert [here.canary in str(each) for each in here.received] == [True]
        assert not any(there.canary in str(each) for each in here.received)


def test_b07_nothing_is_moved_to_who_is_not_the_own_node(hospitals: Hospitals) -> None:
    for here, there in (hospitals, hospitals[::-1]):
        counts = len(here.received), len(there.received)
        for destination in (there.node, "NOBODY", there.cell.aet, here.cell.aet):
            association = call(here.cell, "ONLY_MOVE", here.cell.aet, StudyRootQueryRetrieveInformationModelMove)
            answers = list(association.send_c_move(identifiers(), destination, StudyRootQueryRetrieveInformationModelMove))
            association.release()
            assert all(status.Status != SUCCESS for status, _ in answers), destination
        assert (len(here.received), len(there.received)) == counts


def test_commitment_is_reported_to_the_caller_of_record(hospitals: Hospitals) -> None:
    here, there = hospitals
    before = len(here.reports), len(there.reports)
    assert ask(here, "N-ACTION commitment", calling="ONLY_COMMITMENT", called=here.cell.aet).served
    deadline = time.monotonic() + 30
    while len(here.reports) == before[0]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(here.reports[-1].ReferencedSOPSequence) == 1
    assert len(there.reports) == before[1]


def test_only_the_doors_port_is_open_to_the_outside(hospitals: Hospitals) -> None:
    """From the machine's own address on the network, as another machine would come."""
    outside = own_address()
    for hospital in hospitals:
        cell = hospital.cell
        listening = listeners(cell.orthanc_pid()) | listeners(cell.door_pid())
        assert {cell.dicom_port, cell.inner_dicom_port, cell.http_port} <= {port for _, port in listening}
        reached = {port for _, port in listening if answers(outside, port)}
        assert reached == {cell.dicom_port}


def own_address() -> str:
    """Return an address of this machine that is not loopback."""
    found = json.loads(subprocess.run(["ip", "-json", "-4", "addr"], capture_output=True, check=True, timeout=10).stdout)
    addresses = [info["local"] for link in found for info in link["addr_info"] if not info["local"].startswith("127.")]
    assert addresses, "this machine has no network to be seen from"
    return str(addresses[0])


def answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((address, port)) == 0


def listeners(pid: int) -> set[tuple[str, int]]:
    """Return the (address in hex, port) a process listens at, by its descriptors and the kernel's table."""
    links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
    sockets = {found[1] for link in links if (found := re.fullmatch(r"socket:\[(\d+)\]", link))}
    listening = "0A"
    found = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == listening and fields[9] in sockets:
                address, _, port = fields[1].partition(":")
                found.add((address, int(port, 16)))
    return found
