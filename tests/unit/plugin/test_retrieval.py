"""Retrievals without a network: what is asked of Orthanc, what the caller is told, and messages that make no sense."""

from __future__ import annotations

import json
import struct
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from orthanc_plugin.door import contexts, dimse
from orthanc_plugin.door.dimse import EXPLICIT, IMPLICIT, Command, Field, Tag, UnreadableError
from orthanc_plugin.door.retrieval import AT_ONCE, Request, Retrieval, Status
from orthanc_plugin.holdings import find

SYNTAXES = (IMPLICIT, EXPLICIT)


def request(field: Field = Field.C_MOVE_RQ, syntax: str = EXPLICIT) -> Request:
    command: Command = {Tag.COMMAND_FIELD: field, Tag.MESSAGE_ID: 7, Tag.AFFECTED_SOP_CLASS_UID: "1.2", Tag.MOVE_DESTINATION: "X"}
    return Request(3, syntax, command)


class Talk:
    """A retrieval with both its ends held."""

    def __init__(self, asked: list[str], failed: list[str] | None = None, **options: Any) -> None:
        self.told: list[Command] = []
        self.asked: list[list[str]] = []
        self.running = Retrieval(request(**options), asked, failed or [], self._tell, self._ask)
        self.running.begin()

    def _tell(self, said: bytes) -> None:
        self.told.append(dimse.decode_command(next(dimse.pieces(said[6:])).content))

    def _ask(self, said: bytes) -> None:
        data, rest = b"", said
        while rest:
            end = 6 + int.from_bytes(rest[2:6])
            data += b"".join(each.content for each in dimse.pieces(rest[6:end]) if not each.is_command)
            rest = rest[end:]
        self.asked.append(dimse.decode_identifier(data, self.running.request.syntax)["SOPInstanceUID"])

    def answer(self, status: int, completed: int = 0, failed: int = 0, warning: int = 0) -> None:
        self.running.hear({Tag.STATUS: status, Tag.COMPLETED: completed, Tag.FAILED: failed, Tag.WARNING: warning})

    def counts(self) -> tuple[int | str | None, ...]:
        return tuple(self.told[-1].get(tag) for tag in (Tag.STATUS, Tag.REMAINING, Tag.COMPLETED, Tag.FAILED, Tag.WARNING))


def uids(number: int) -> list[str]:
    return [f"1.2.{each}" for each in range(number)]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_many_objects_are_asked_for_in_batches(syntax: str) -> None:
    talk = Talk(uids(AT_ONCE + 3), syntax=syntax)
    talk.answer(0xFF00, AT_ONCE - 1)
    assert talk.counts() == (Status.PENDING, 4, AT_ONCE - 1, 0, 0)
    talk.answer(0x0000, AT_ONCE)
    talk.answer(0x0000, 3)
    assert talk.counts() == (Status.SUCCESS, None, AT_ONCE + 3, 0, 0)
    assert [len(each) for each in talk.asked] == [AT_ONCE, 3]
    assert talk.running.done


def test_a_move_goes_on_after_what_failed() -> None:
    talk = Talk(uids(4))
    talk.answer(0xFF00, 1)
    talk.answer(0xC000)
    assert talk.counts() == (Status.PENDING, 2, 1, 1, 0)
    talk.answer(0xC000)
    talk.answer(0x0000, 1)
    assert talk.asked == [uids(4), uids(4)[2:], uids(4)[3:]]
    assert talk.running.failed == uids(4)[1:3]
    assert talk.counts() == (Status.WARNING, None, 2, 2, 0)


def test_a_dead_destination_is_given_up() -> None:
    talk = Talk(uids(100))
    for _ in range(3):
        talk.answer(0xC000)
    assert talk.running.done
    assert talk.counts() == (Status.NO_SUB_OPERATIONS, None, 0, 100, 0)


def test_a_get_names_what_failed_by_when_it_failed() -> None:
    talk = Talk(uids(4), ["9.9"], field=Field.C_GET_RQ)
    for completed, failed, warning in ((1, 0, 0), (1, 1, 0), (1, 1, 1)):
        talk.answer(0xFF00, completed, failed, warning)
    talk.answer(0xC000, 1, 2, 1)
    assert talk.running.failed == ["9.9", "1.2.1", "1.2.3"]
    assert talk.counts() == (Status.WARNING, None, 1, 3, 1)


def test_nothing_found_is_a_success_of_nothing_and_a_cancel_ends() -> None:
    assert Talk([]).counts() == (Status.SUCCESS, None, 0, 0, 0)
    talk = Talk(uids(3))
    talk.answer(0xFE00, 2)
    assert talk.counts() == (Status.CANCEL, 1, 2, 0, 0)
    talk = Talk(uids(AT_ONCE + 1))
    talk.running.cancelled = True
    talk.answer(0x0000, AT_ONCE)
    assert talk.counts() == (Status.CANCEL, 1, AT_ONCE, 0, 0)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_identifiers_are_read_as_pydicom_writes_them(syntax: str) -> None:
    asked, item = Dataset(), Dataset()
    item.CodeValue = "x"
    asked.QueryRetrieveLevel, asked.PatientID, asked.ProcedureCodeSequence = "STUDY", "P1", [item]
    asked.StudyInstanceUID = ["1.2.3", "1.2.4"]
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, syntax == IMPLICIT
    write_dataset(buffer, asked)
    found = dimse.decode_identifier(buffer.getvalue(), syntax)
    assert found == {"QueryRetrieveLevel": ["STUDY"], "PatientID": ["P1"], "StudyInstanceUID": ["1.2.3", "1.2.4"]}
    written = dimse.encode_uids(["1.2.3", "1.2.45"], element=0x0018, syntax=syntax, level="IMAGE ")
    read = dcmread(BytesIO(written), force=True)
    if syntax == EXPLICIT:
        assert (list(read.SOPInstanceUID), read.QueryRetrieveLevel) == (["1.2.3", "1.2.45"], "IMAGE")


@given(st.binary(max_size=200), st.sampled_from(SYNTAXES))
def test_nonsense_is_unreadable_and_nothing_worse(content: bytes, syntax: str) -> None:
    for read in (
        lambda: list(dimse.pieces(content)),
        lambda: dimse.decode_command(content),
        lambda: dimse.decode_identifier(content, syntax),
        lambda: contexts.proposed(bytes(68) + content),
        lambda: contexts.accepted(bytes(68) + content),
    ):
        try:
            read()
        except UnreadableError:
            continue


@given(st.binary(min_size=1, max_size=16).filter(lambda value: not value.isascii()))
def test_what_no_command_and_no_key_may_hold_ends_nothing_but_its_question(value: bytes) -> None:
    """Answered or written into a question to the plugin it would end the thread that holds the association, or the desk."""
    named = struct.pack("<HHI", 0, Tag.AFFECTED_SOP_CLASS_UID, len(value)) + value
    with pytest.raises(UnreadableError):
        dimse.decode_command(named)
    key = struct.pack("<HHI", 0x0010, 0x0020, len(value)) + value
    for found in dimse.decode_identifier(key, IMPLICIT).get("PatientID", []):
        found.encode()


def test_more_counted_than_asked_for_is_no_end_without_an_answer() -> None:
    """Two patients' objects bear one UID: Orthanc sends both and counts both."""
    for status, last in ((0xFF00, Status.PENDING), (0xC000, Status.WARNING), (0x0000, Status.SUCCESS), (0xFE00, Status.CANCEL)):
        talk = Talk(uids(2))
        talk.answer(0xFF00, 1)
        talk.answer(status, 3)
        assert talk.told[-1][Tag.STATUS] == last
        assert all(int(talk.told[-1].get(tag, 0)) <= 2 for tag in (Tag.REMAINING, Tag.COMPLETED, Tag.FAILED))


def test_all_keys_must_agree_on_an_object() -> None:
    below = {"S": ["a", "b"], "R": ["b"]}
    kinds = {"S": "Study", "R": "Series"}

    def post(uri: str, body: bytes) -> bytes:
        if uri == "/tools/lookup":
            name = body.decode()
            return json.dumps(
                [{"Type": kinds[name], "ID": name}, {"Type": "Patient", "ID": "no"}] if name in kinds else []
            ).encode()
        rows = [each for resource in json.loads(body)["Resources"] for each in below[resource]]
        return json.dumps(
            [{"ID": each, "MainDicomTags": {"SOPInstanceUID": f"1.{each}"}, "Metadata": {"SopClassUid": "C"}} for each in rows]
        ).encode()

    assert find(post, {"StudyInstanceUID": ["S"]}) == [("1.a", "C"), ("1.b", "C")]
    assert find(post, {"StudyInstanceUID": ["S"], "SeriesInstanceUID": ["R"]}) == [("1.b", "C")]
    assert find(post, {"StudyInstanceUID": ["unknown"], "SeriesInstanceUID": ["R"]}) == []
