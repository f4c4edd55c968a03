"""DICOM over TLS (PS3.15 annex B) with dcmtk's clients: whose certificate opens the door, and under which title."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dcmtk import path_of
from tests.doors import phantom
from tests.doors.authority import Authority, Issued
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell, free_port


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("mercy"))


@pytest.fixture(scope="module")
def ct1(authority: Authority) -> Issued:
    return authority.issue("CT1")


@pytest.fixture(scope="module")
def mr2(authority: Authority) -> Issued:
    return authority.issue("MR2")


@pytest.fixture(scope="module", autouse=True)
def encrypted(cell: RunningCell, authority: Authority, ct1: Issued, mr2: Issued) -> Iterator[None]:
    """The module's cell with its TLS port open and two machines' certificates."""
    authority.server_files(cell.directory / "tls")
    cell.senders = [
        {"aet": "CT1", "networks": ["127.0.0.0/8"], "certificates": [ct1.sha256]},
        {"aet": "MR2", "networks": ["127.0.0.0/8"], "certificates": [mr2.sha256]},
        {"aet": "FAR", "networks": ["10.0.0.0/8"], "certificates": [ct1.sha256]},
    ]
    cell.dicom = {"plain": True, "tls_port": cell.tls_port}
    rewrite(cell)
    yield
    assert "Traceback" not in cell.door_log


def rewrite(cell: RunningCell) -> None:
    cell.write_policy()
    cell.wait_until_ready(timeout=10)


def client(
    cell: RunningCell,
    authority: Authority,
    issued: Issued | None,
    *files: Path,
    calling: str = "CT1",
    options: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Call echoscu, or storescu when there are files, with TLS."""
    program = [path_of("storescu"), "--max-pdu", "131072"] if files else [path_of("echoscu")]
    keys = ["+tls", str(issued.key), str(issued.certificate)] if issued else ["+tla"]
    return subprocess.run(
        [*program, "-v", *keys, "+cf", str(authority.certificate), *options, "-aet", calling, "-aec", cell.aet,
         "127.0.0.1", str(cell.tls_port), *map(str, files)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def records(inbox: FakeInbox, **wanted: Any) -> list[dict[str, Any]]:
    return [event for event in inbox.events("association") if all(event[name] == value for name, value in wanted.items())]


def heard(inbox: FakeInbox, **wanted: Any) -> dict[str, Any]:
    inbox.wait_for(lambda: bool(records(inbox, **wanted)))
    return records(inbox, **wanted)[-1]


def test_a_machine_with_its_certificate_verifies_and_stores(
    cell: RunningCell, authority: Authority, ct1: Issued, module_inbox: FakeInbox, tmp_path: Path
) -> None:
    datasets = phantom.study(12, size=512)
    sent = client(cell, authority, ct1, *phantom.write(tmp_path, datasets))
    assert (sent.returncode, sent.stderr.count("Received Store Response (Success)")) == (0, 12), sent.stderr
    assert client(cell, authority, ct1).returncode == 0
    record = heard(module_inbox, outcome="accepted", port="tls", services=["store"])
    assert (record["certificate"], record["aet"]) == (ct1.sha256, "CT1")
    assert record["bytes_in"] > 12 * 512 * 512
    wanted = {str(each.SOPInstanceUID) for each in datasets}
    module_inbox.wait_for(lambda: wanted <= set(module_inbox.sop_instance_uids()))


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
def test_the_profiles_of_bcp_195_are_spoken(cell: RunningCell, authority: Authority, ct1: Issued, profile: str) -> None:
    assert client(cell, authority, ct1, options=(profile,)).returncode == 0


def test_nobody_without_a_certificate(cell: RunningCell, authority: Authority, module_inbox: FakeInbox) -> None:
    assert client(cell, authority, None).returncode != 0
    assert heard(module_inbox, outcome="no-certificate")["port"] == "tls"


def test_a_certificate_of_another_hospital_is_refused(
    cell: RunningCell, authority: Authority, module_inbox: FakeInbox, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "luke", "Luke's clients").issue("CT1")
    impostor = Authority(tmp_path / "forged").issue("CT1")  # an authority that only bears the same name
    for issued in (other, impostor):
        assert client(cell, authority, issued).returncode != 0
    heard(module_inbox, outcome="wrong-certificate", aet="")


def test_an_expired_certificate_is_refused(cell: RunningCell, authority: Authority) -> None:
    old = authority.issue("CT1", expired=True)
    cell.senders[0]["certificates"].append(old.sha256)
    rewrite(cell)
    assert client(cell, authority, old).returncode != 0


def test_a_servers_certificate_is_no_clients(cell: RunningCell, authority: Authority) -> None:
    server = authority.issue("CT1", server=True)
    cell.senders[0]["certificates"].append(server.sha256)
    rewrite(cell)
    assert client(cell, authority, server).returncode != 0


def test_a_certificate_under_somebody_elses_title_is_refused(
    cell: RunningCell, authority: Authority, mr2: Issued, module_inbox: FakeInbox
) -> None:
    refused = client(cell, authority, mr2, calling="CT1")
    assert "Calling AE Title Not Recognized" in refused.stderr
    assert heard(module_inbox, outcome="wrong-certificate", aet="CT1")["certificate"] == mr2.sha256


def test_a_certificate_from_a_wrong_address_or_an_unknown_title_is_refused(
    cell: RunningCell, authority: Authority, ct1: Issued
) -> None:
    for calling in ("FAR", "NOBODY"):
        assert "Calling AE Title Not Recognized" in client(cell, authority, ct1, calling=calling).stderr


def test_a_revoked_certificate_is_out_within_seconds(cell: RunningCell, authority: Authority, mr2: Issued) -> None:
    assert client(cell, authority, mr2, calling="MR2").returncode == 0
    cell.senders[1]["certificates"] = []
    cell.write_policy()
    began = time.monotonic()
    while client(cell, authority, mr2, calling="MR2").returncode == 0:
        assert time.monotonic() - began < 30
    cell.senders[1]["certificates"] = [mr2.sha256]
    rewrite(cell)
    assert client(cell, authority, mr2, calling="MR2").returncode == 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_versions_are_not_spoken(cell: RunningCell, authority: Authority, ct1: Issued, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=authority.certificate)
    context.load_cert_chain(ct1.certificate, ct1.key)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", cell.tls_port)) as plain, pytest.raises((ssl.SSLError, ConnectionResetError)):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256"])
def test_ciphers_without_forward_secrecy_or_aead_are_not_spoken(
    cell: RunningCell, authority: Authority, ct1: Issued, cipher: str
) -> None:
    context = ssl.create_default_context(cafile=authority.certificate)
    context.load_cert_chain(ct1.certificate, ct1.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{cipher}:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", cell.tls_port)) as plain, pytest.raises((ssl.SSLError, ConnectionResetError)):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_who_never_shakes_hands_is_in_nobodys_way(cell: RunningCell, authority: Authority, ct1: Issued) -> None:
    silent = [socket.create_connection(("127.0.0.1", cell.tls_port)) for _ in range(50)]
    try:
        assert client(cell, authority, ct1).returncode == 0
        silent[0].settimeout(8)
        assert silent[0].recv(1) == b""  # and is sent away in the end
    finally:
        for each in silent:
            each.close()


def test_a_new_server_certificate_is_taken_without_a_restart(cell: RunningCell, authority: Authority, ct1: Issued) -> None:
    def shown() -> bytes | None:
        context = ssl.create_default_context(cafile=authority.certificate)
        context.load_cert_chain(ct1.certificate, ct1.key)
        with (
            socket.create_connection(("127.0.0.1", cell.tls_port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
        ):
            return wrapped.getpeercert(binary_form=True)

    before = shown()
    authority.server_files(cell.directory / "tls")
    deadline = time.monotonic() + 30
    while shown() == before:
        assert time.monotonic() < deadline
    (cell.directory / "tls" / "server.pem").write_text("broken")
    deadline = time.monotonic() + 30
    while "the TLS port keeps what it has" not in cell.door_log:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert client(cell, authority, ct1).returncode == 0
    authority.server_files(cell.directory / "tls")


def test_the_plain_port_closes_and_opens_when_the_hospital_says_so(
    cell: RunningCell, authority: Authority, ct1: Issued, tmp_path: Path
) -> None:
    files = phantom.write(tmp_path, phantom.study(1))
    assert "(Success)" in phantom.storescu(cell.dicom_port, files).stdout
    cell.dicom["plain"] = False
    rewrite(cell)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", cell.dicom_port), timeout=20)
    assert client(cell, authority, ct1).returncode == 0
    cell.dicom |= {"plain": True, "tls_port": 0}
    rewrite(cell)
    assert "(Success)" in phantom.storescu(cell.dicom_port, files).stdout
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", cell.tls_port), timeout=20)
    cell.dicom["tls_port"] = cell.tls_port = free_port()
    rewrite(cell)
    assert client(cell, authority, ct1).returncode == 0
