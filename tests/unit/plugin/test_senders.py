from __future__ import annotations

import pytest

from orthanc_plugin.modalities import difference, modality, symbolic_name
from orthanc_plugin.senders import Admission, admit, parse_sender

SENDERS = (
    parse_sender("CT1", ["10.0.0.0/8", "192.168.7.9/32"]),
    parse_sender("MR 2", ["2001:db8::/32"]),
    parse_sender("NOWHERE", []),
)


@pytest.mark.parametrize(
    ("aet", "address", "expected"),
    [
        ("CT1", "10.1.2.3", Admission.ADMITTED),
        ("CT1", "192.168.7.9", Admission.ADMITTED),
        ("CT1", "::ffff:10.1.2.3", Admission.ADMITTED),
        ("CT1", "192.168.7.10", Admission.WRONG_ADDRESS),
        ("CT1", "11.0.0.1", Admission.WRONG_ADDRESS),
        ("CT1", "2001:db8::1", Admission.WRONG_ADDRESS),
        ("MR 2", "2001:db8::1", Admission.ADMITTED),
        ("MR 2", "10.1.2.3", Admission.WRONG_ADDRESS),
        ("NOWHERE", "10.1.2.3", Admission.WRONG_ADDRESS),
        ("CT1", "", Admission.WRONG_ADDRESS),
        ("CT1", "ct.example", Admission.WRONG_ADDRESS),
        ("ct1", "10.1.2.3", Admission.UNKNOWN_AET),
        ("CT1 ", "10.1.2.3", Admission.UNKNOWN_AET),
        ("", "10.1.2.3", Admission.UNKNOWN_AET),
    ],
)
def test_title_and_address_decide(aet: str, address: str, expected: Admission) -> None:
    assert admit(SENDERS, aet, address) is expected


@pytest.mark.parametrize(
    ("aet", "networks"),
    [
        ("", []),
        ("A" * 17, []),
        (" CT1", []),
        ("CT\\1", []),
        ("CT\n1", []),
        ("CTÄ", []),
        (7, []),
        ("CT1", "10.0.0.0/8"),
        ("CT1", [7]),
        ("CT1", ["10.0.0.1/8"]),
        ("CT1", ["anywhere"]),
    ],
)
def test_senders_that_cannot_be_meant_are_refused(aet: object, networks: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is for people
        parse_sender(aet, networks)


def test_modalities_follow_the_senders() -> None:
    write, delete = difference(SENDERS, {})
    assert delete == []
    assert [entry["AET"] for entry in write.values()] == ["CT1", "MR 2", "NOWHERE"]
    allowed = {key for entry in write.values() for key, value in entry.items() if value is True}
    assert allowed == {"AllowEcho", "AllowStore"}


def test_nothing_is_written_when_all_is_well_and_strangers_are_removed() -> None:
    present = {symbolic_name(each): {**modality(each), "Timeout": 0} for each in SENDERS}
    assert difference(SENDERS, present) == ({}, [])
    changed = {**present, symbolic_name(SENDERS[0]): {**modality(SENDERS[0]), "AllowFind": True}, "old": {}}
    write, delete = difference(SENDERS, changed)
    assert list(write) == [symbolic_name(SENDERS[0])]
    assert delete == ["old"]
