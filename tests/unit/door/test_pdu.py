from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RJ

from orthanc_plugin.door.pdu import (
    HEADER,
    MAXIMUM_REQUEST,
    AbortReason,
    AssociateRequest,
    MalformedError,
    Rejection,
    content_length,
    parse,
)
from tests.unit.door.requests import CT_IMAGE_STORAGE, VERIFICATION, content, context, item, pdu

INVALID = AbortReason.INVALID_PARAMETER_VALUE.pdu()


def refused(body: bytes) -> bytes:
    with pytest.raises(MalformedError) as told:
        parse(body)
    return told.value.answer


def test_titles_lose_their_padding_and_contexts_keep_their_order() -> None:
    assert parse(content(VERIFICATION, CT_IMAGE_STORAGE)) == AssociateRequest("MERCY", "CT1", (VERIFICATION, CT_IMAGE_STORAGE))


@pytest.mark.parametrize(
    ("field", "title"),
    [
        (b"CT1\0\0\0\0\0\0\0\0\0\0\0\0\0", "CT1"),  # devices that pad as C does
        (b"  CT 1  ", "CT 1"),
        (b"A" * 16, "A" * 16),
        (b"", ""),
        (b"CT\0X", "CT?X"),
        (b"CT1\r\nX: y", "CT1??X: y"),
        (b"CT\x1b[31m", "CT?[31m"),
        ("CTÄ".encode("latin-1"), "CT?"),
        (b"\xff" * 16, "?" * 16),
    ],
)
def test_what_a_title_cannot_hold_becomes_a_question_mark(field: bytes, title: str) -> None:
    assert parse(content(calling=field)).calling == title
    assert parse(content(called=field)).called == title


def test_unknown_items_are_skipped() -> None:
    assert parse(content(more=item(0x50, b"\x51\0\0\x04\0\0\x40\0") + item(0x99, b"new"))).calling == "CT1"


@pytest.mark.parametrize("size", range(len(content())))
def test_every_truncated_request_is_malformed(size: int) -> None:
    refused(content()[:size])


@pytest.mark.parametrize("length", [0, 1, 67, MAXIMUM_REQUEST + 1, 2**32 - 1])
def test_lengths_that_cannot_be_are_refused_before_anything_is_read(length: int) -> None:
    with pytest.raises(MalformedError) as told:
        content_length(pdu(b"", length=length))
    assert told.value.answer == INVALID


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (0x00, AbortReason.UNRECOGNIZED_PDU),
        (0x08, AbortReason.UNRECOGNIZED_PDU),
        (0x16, AbortReason.UNRECOGNIZED_PDU),  # a TLS handshake at the plain port
        (ord("G"), AbortReason.UNRECOGNIZED_PDU),  # a browser
        *((kind, AbortReason.UNEXPECTED_PDU) for kind in range(2, 8)),
    ],
)
def test_another_first_pdu_is_aborted(kind: int, reason: AbortReason) -> None:
    with pytest.raises(MalformedError) as told:
        content_length(pdu(b"", kind=kind, length=100))
    assert told.value.answer == reason.pdu()


def test_an_honest_length_is_returned() -> None:
    assert content_length(pdu(content())[:HEADER]) == len(content())


@pytest.mark.parametrize(
    "body",
    [
        content(more=item(0x50, b"abc", length=4)),
        content(more=item(0x50, b"abc", length=0xFFFF)),
        content(more=b"\x50"),
        content(more=item(0x20, b"\x01\0\0")),
        content(more=item(0x20, b"\x03\0\0\0")),
        content(more=item(0x20, b"\x03\0\0\0" + item(0x30, b"1.2") + item(0x30, b"1.3"))),
        content(more=item(0x20, b"\x03\0\0\0" + item(0x30, b"1.2", length=9))),
        content(more=context(3, "")),
        content(more=context(3, "1.2.x")),
        content(more=context(3, "../../etc/passwd")),
        content(more=context(3, "1" * 65)),
        content(more=item(0x20, b"\x03\0\0\0" + item(0x30, b"1.2\xff"))),
        struct.pack(">H2x", 1) + b"MERCY".ljust(16) + b"CT1".ljust(16) + bytes(32) + item(0x10, b"1.2.840.10008.3.1.1.1"),
    ],
)
def test_lying_lengths_and_impossible_contexts_are_aborted(body: bytes) -> None:
    assert refused(body) == INVALID


def test_another_protocol_version_is_rejected() -> None:
    assert refused(content(version=2)) == Rejection.PROTOCOL_VERSION_NOT_SUPPORTED.pdu()
    assert parse(content(version=3)).calling == "CT1"  # bit 0 alone counts


@pytest.mark.parametrize("application", [b"", item(0x10, b"1.2.3"), 2 * item(0x10, b"1.2.840.10008.3.1.1.1")])
def test_another_application_context_is_rejected(application: bytes) -> None:
    assert refused(content(application=application)) == Rejection.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED.pdu()


@given(st.binary(max_size=400))
def test_noise_is_malformed_and_nothing_else(noise: bytes) -> None:
    for body in (noise, content()[:68] + noise):
        with suppress(MalformedError):
            parse(body)


@pytest.mark.parametrize("rejection", Rejection)
def test_a_rejection_is_understood_by_others(rejection: Rejection) -> None:
    read = A_ASSOCIATE_RJ()
    read.decode(rejection.pdu())
    assert (read.result, read.source, read.reason_diagnostic) == rejection.value
    assert read.reason_str


@pytest.mark.parametrize("reason", AbortReason)
def test_an_abort_is_understood_by_others(reason: AbortReason) -> None:
    read = A_ABORT_RQ()
    read.decode(reason.pdu())
    assert (read.source, read.reason_diagnostic) == (2, reason.value)
