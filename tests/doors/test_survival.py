"""Nothing acknowledged is lost: inbox away, processes killed, bad snapshots, bad events."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from tests.doors import phantom
from tests.doors.hospital import until
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell


def uids(datasets: list[phantom.Dataset]) -> list[str]:
    return sorted(str(dataset.SOPInstanceUID) for dataset in datasets)


def test_events_wait_for_the_inbox_through_a_kill_of_the_cell(own_cell: RunningCell, inbox: FakeInbox, tmp_path: Path) -> None:
    inbox.status = 503
    own_cell.start()
    datasets = phantom.study(10)
    assert phantom.storescu(own_cell.dicom_port, phantom.write(tmp_path / "f", datasets)).returncode == 0
    deadline = time.monotonic() + 30
    while own_cell.status()["courier"]["failures_in_a_row"] < 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    own_cell.kill()
    inbox.status = 200
    own_cell.start()
    inbox.wait_for(lambda: len(inbox.sop_instance_uids()) >= 10, timeout=25)
    assert sorted(inbox.sop_instance_uids()) == uids(datasets)


def test_a_cell_killed_while_receiving_tells_everything_it_acknowledged(
    own_cell: RunningCell, inbox: FakeInbox, tmp_path: Path
) -> None:
    own_cell.start()
    files = phantom.write(tmp_path / "f", phantom.study(200))
    output: list[subprocess.CompletedProcess[str]] = []
    sender = threading.Thread(target=lambda: output.append(phantom.storescu(own_cell.dicom_port, files)))
    sender.start()
    deadline = time.monotonic() + 30
    while len(inbox.sop_instance_uids()) < 1:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    own_cell.kill()
    sender.join()
    acknowledged = output[0].stdout.count("Received Store Response (Success)")
    assert 0 < acknowledged < 200
    own_cell.start()
    stored = own_cell.get("/statistics", own_cell.token()).json()["CountInstances"]
    assert stored >= acknowledged
    inbox.wait_for(lambda: len(set(inbox.sop_instance_uids())) == stored, timeout=25)
    assert phantom.storescu(own_cell.dicom_port, files).stdout.count("(Success)") == 200
    inbox.wait_for(lambda: len(set(inbox.sop_instance_uids())) == 200)


def test_one_event_the_inbox_refuses_stops_nobody_and_is_kept(own_cell: RunningCell, inbox: FakeInbox, tmp_path: Path) -> None:
    bad, good = phantom.study(1, PatientID="BAD"), phantom.study(2)
    inbox.refuse = lambda event: event.get("study", {}).get("PatientID") == "BAD"
    own_cell.start()
    phantom.storescu(own_cell.dicom_port, phantom.write(tmp_path / "f", bad + good))
    inbox.wait_for(lambda: sorted(inbox.sop_instance_uids()) == uids(good))
    status = own_cell.status()
    assert status["refused_events"] == 1
    assert "kept in the queue of refused events" in own_cell.log
    assert "BAD" not in own_cell.log


def test_an_inbox_slower_than_a_reservation_gets_each_event_once(own_cell: RunningCell, inbox: FakeInbox, tmp_path: Path) -> None:
    inbox.delay = 2.5
    own_cell.start()
    for number in range(3):
        phantom.storescu(own_cell.dicom_port, phantom.write(tmp_path / str(number), phantom.study(1)))
    inbox.wait_for(lambda: len(inbox.sop_instance_uids()) == 3, timeout=20)
    until(lambda: own_cell.status()["queue"] == 0, 30, "events wait for ever")
    time.sleep(inbox.delay + 2)  # nothing is told twice meanwhile
    assert own_cell.status()["queue"] == 0
    told = [event["event_id"] for event in inbox.posts]
    assert len(told) == len(set(told))


def test_a_wrong_secret_keeps_the_events_until_it_is_right(own_cell: RunningCell, inbox: FakeInbox, tmp_path: Path) -> None:
    inbox.status = 401
    own_cell.start()
    datasets = phantom.study(1)
    phantom.storescu(own_cell.dicom_port, phantom.write(tmp_path / "f", datasets))
    deadline = time.monotonic() + 30
    while "the inbox answered 401" not in own_cell.log:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (own_cell.directory / "secret").write_text("another")
    inbox.status = 200
    inbox.wait_for(lambda: sorted(inbox.sop_instance_uids()) == uids(datasets))
    assert f"Cell {own_cell.identifier}:another" in inbox.credentials
    assert own_cell.secret not in own_cell.log


def test_without_a_snapshot_everything_is_shut_and_with_one_it_opens(own_cell: RunningCell, tmp_path: Path) -> None:
    (own_cell.directory / "policy.json").unlink()
    own_cell.start(wait=False)
    files = phantom.write(tmp_path / "f", phantom.study(1))
    deadline = time.monotonic() + 20
    while "HTTP server listening" not in own_cell.log or "Rejected" not in phantom.storescu(own_cell.dicom_port, files).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert own_cell.get("/system", own_cell.token()).status_code == 403
    own_cell.write_policy()
    own_cell.wait_until_ready()
    assert "(Success)" in phantom.storescu(own_cell.dicom_port, files).stdout


def test_a_broken_snapshot_leaves_the_last_good_one_in_force(own_cell: RunningCell, tmp_path: Path) -> None:
    own_cell.start()
    (own_cell.directory / "policy.json").write_text('{"version": 1, "revision"')
    deadline = time.monotonic() + 30
    while own_cell.status()["policy"]["error"] != "not JSON":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert own_cell.status()["policy"]["revision"] == 1
    files = phantom.write(tmp_path / "f", phantom.study(1))
    assert "(Success)" in phantom.storescu(own_cell.dicom_port, files).stdout
    assert "policy: not JSON; revision 1 stays in force" in own_cell.log


def test_orthanc_ends_cleanly_when_asked(own_cell: RunningCell) -> None:
    own_cell.start()
    assert own_cell.stop() == 0
    assert "Orthanc has stopped" in own_cell.log
    assert "Traceback" not in own_cell.log


def test_without_its_plugin_a_cell_does_not_start(own_cell: RunningCell, tmp_path: Path) -> None:
    broken = tmp_path / "orthanc_plugin"
    broken.mkdir()
    (broken / "plugin.py").write_text("import no_such_module\n")
    process = subprocess.Popen(own_cell.command(broken), env=own_cell.environment(), stderr=subprocess.DEVNULL)
    try:
        assert process.wait(10) != 0
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
    assert "HTTP server listening" not in own_cell.log
