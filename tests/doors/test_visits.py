"""A real cell says who was given which images: the first request at once and through kill -9, the rest at a clean end."""

from __future__ import annotations

import pytest

from tests.doors import phantom
from tests.doors.inbox import FakeInbox
from tests.doors.running_cell import RunningCell
from tests.doors.test_gate import path_of

OWN = phantom.study(3)
STUDY = str(OWN[0].StudyInstanceUID)


@pytest.fixture(scope="module", autouse=True)
def _filled(cell: RunningCell, tmp_path_factory: pytest.TempPathFactory) -> None:
    files = phantom.write(tmp_path_factory.mktemp("files"), OWN)
    assert phantom.storescu(cell.dicom_port, files).stdout.count("(Success)") == 3


def told(inbox: FakeInbox, receipt: str) -> list[tuple[str, str, int]]:
    found = [event for event in inbox.events("gate-visited") if event["receipt"] == receipt]
    return [(event["sort"], event["subject"], event["count"]) for event in found]


def look(cell: RunningCell, receipt: str, times: int = 1) -> None:
    token = cell.token(studies=[STUDY], rcp=receipt)
    for _ in range(times):
        assert cell.get(path_of(OWN[0]), token).status_code == 200


def test_images_are_on_record_before_they_are_given_and_refusals_too(cell: RunningCell, module_inbox: FakeInbox) -> None:
    look(cell, "reader", times=4)
    module_inbox.wait_for(lambda: told(module_inbox, "reader") == [("study", STUDY, 1)])
    token = cell.token(studies=["1.2.3"], rcp="prober")
    assert {cell.get(path_of(each), token).status_code for each in OWN} == {403}
    module_inbox.wait_for(lambda: told(module_inbox, "prober") == [("refused", "not in the reading context", 1)])
    staff = cell.token(role="technician", org=cell.organisation, rcp="staff", studies=...)
    orthanc_id = cell.request("POST", "/tools/lookup", staff, content=STUDY).json()[0]["ID"]
    assert cell.get(f"/studies/{orthanc_id}/series", staff).status_code == 200
    module_inbox.wait_for(lambda: told(module_inbox, "staff") == [("search", "", 1), ("study", STUDY, 1)])


def test_c01_a_killed_cell_still_tells_who_looked(cell: RunningCell, module_inbox: FakeInbox) -> None:
    module_inbox.status = 503
    look(cell, "before the power failed")
    cell.kill()
    cell.start()
    assert told(module_inbox, "before the power failed") == []
    module_inbox.status = 200
    module_inbox.wait_for(lambda: told(module_inbox, "before the power failed") == [("study", STUDY, 1)])


def test_what_was_counted_when_the_cell_ended_is_told_at_its_next_start(cell: RunningCell, module_inbox: FakeInbox) -> None:
    look(cell, "at the end of the day", times=7)
    cell.stop()
    cell.start()
    module_inbox.wait_for(lambda: told(module_inbox, "at the end of the day") == [("study", STUDY, 1), ("study", STUDY, 6)])
