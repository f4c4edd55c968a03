"""A-ASSOCIATE-RQ PDUs of PS3.8 section 9.3.2, well-formed or bent."""

from __future__ import annotations

import struct

APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT_LITTLE_ENDIAN = b"1.2.840.10008.1.2"


def item(kind: int, value: bytes, *, length: int | None = None) -> bytes:
    """One item; ``length`` lies about the value's."""
    return struct.pack(">BxH", kind, len(value) if length is None else length) + value


def context(number: int, abstract_syntax: str) -> bytes:
    return item(0x20, bytes([number, 0, 0, 0]) + item(0x30, abstract_syntax.encode()) + item(0x40, IMPLICIT_LITTLE_ENDIAN))


def content(
    *contexts: str,
    calling: bytes = b"CT1",
    called: bytes = b"MERCY",
    version: int = 1,
    application: bytes = item(0x10, APPLICATION_CONTEXT),
    more: bytes = b"",
) -> bytes:
    """Everything after the PDU's header."""
    proposed = b"".join(context(2 * place + 1, uid) for place, uid in enumerate(contexts or (CT_IMAGE_STORAGE,)))
    titles = called.ljust(16)[:16] + calling.ljust(16)[:16]
    return struct.pack(">H2x", version) + titles + bytes(32) + application + proposed + more


def pdu(body: bytes, *, kind: int = 0x01, length: int | None = None) -> bytes:
    """A PDU; ``length`` lies about the content's."""
    return struct.pack(">BxI", kind, len(body) if length is None else length) + body
