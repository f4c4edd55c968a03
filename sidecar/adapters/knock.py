"""Knocking at a DICOM node: ask for an association, read the answer, leave (PS3.8 §9.3). Says why a node cannot be reached."""

import socket
import struct
from dataclasses import dataclass
from enum import StrEnum

VERIFICATION = "1.2.840.10008.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
IMPLEMENTATION_CLASS = "2.25.109257393762600547022838015369862285413"
CONNECT_SECONDS, ANSWER_SECONDS = 4.0, 5.0
LONGEST_ANSWER = 65536
"""Bytes: an acceptance of one presentation context has some hundred."""
PDU_HEADER, ITEM_HEADER = 6, 4
ACCEPT, REJECT, ABORT = 2, 3, 7
"""PDU types (PS3.8 §9.3.1)."""
CONTEXT_RESULT = 0x21
RELEASE_REQUEST = bytes([5, 0, 0, 0, 0, 4, 0, 0, 0, 0])


class Answer(StrEnum):
    """What became of a knock."""

    ACCEPTED = "accepted"
    NOT_SUPPORTED = "not-supported"
    REJECTED = "rejected"
    ABORTED = "aborted"
    UNKNOWN_HOST = "unknown-host"
    NOBODY_LISTENS = "nobody-listens"
    UNREACHABLE = "unreachable"
    OFF_LIMITS = "off-limits"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Knock:
    """The answer; ``reason`` is (result, source, reason) of a rejection, PS3.8 table 9-21."""

    answer: Answer
    reason: tuple[int, int, int] = (0, 0, 0)


def knock(host: str, port: int, *, calling: str, called: str, sop_class: str = VERIFICATION) -> Knock:
    """Ask a node for an association with one presentation context and leave again."""
    try:
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS) as line:
            line.settimeout(ANSWER_SECONDS)
            line.sendall(request(calling=calling, called=called, sop_class=sop_class))
            found = understand(*_pdu(line))
            if found.answer in {Answer.ACCEPTED, Answer.NOT_SUPPORTED}:
                line.sendall(RELEASE_REQUEST)
            return found
    except socket.gaierror:
        return Knock(Answer.UNKNOWN_HOST)
    except ConnectionRefusedError:
        return Knock(Answer.NOBODY_LISTENS)
    except ConnectionError:
        return Knock(Answer.ABORTED)
    except TimeoutError:
        return Knock(Answer.SILENT)
    except OSError:  # no route, network unreachable
        return Knock(Answer.UNREACHABLE)


def request(*, calling: str, called: str, sop_class: str) -> bytes:
    """Return an A-ASSOCIATE-RQ (PS3.8 §9.3.2)."""
    syntaxes = b"".join(_item(0x40, uid.encode()) for uid in (EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN))
    context = _item(0x20, bytes([1, 0, 0, 0]) + _item(0x30, sop_class.encode()) + syntaxes)
    user = _item(0x51, struct.pack(">I", 16384)) + _item(0x52, IMPLEMENTATION_CLASS.encode())
    titles = called.ljust(16).encode("ascii") + calling.ljust(16).encode("ascii")
    body = struct.pack(">HH", 1, 0) + titles + bytes(32)
    body += _item(0x10, APPLICATION_CONTEXT.encode()) + context + _item(0x50, user)
    return struct.pack(">BBI", 1, 0, len(body)) + body


def understand(kind: int, body: bytes) -> Knock:
    """Return what a PDU means as the answer to a request."""
    if kind == REJECT and len(body) >= ITEM_HEADER:
        return Knock(Answer.REJECTED, (body[1], body[2], body[3]))
    if kind == ACCEPT:
        results = [each[2] for item, each in _items(body[68:]) if item == CONTEXT_RESULT and len(each) > 2]  # noqa: PLR2004
        return Knock(Answer.ACCEPTED if 0 in results else Answer.NOT_SUPPORTED)
    return Knock(Answer.ABORTED)


def _items(body: bytes) -> list[tuple[int, bytes]]:
    """Return (type, content) of the items of a PDU; a length that lies ends the list."""
    found = []
    while len(body) >= ITEM_HEADER:
        length = struct.unpack(">H", body[2:4])[0]
        found.append((body[0], body[ITEM_HEADER : ITEM_HEADER + length]))
        body = body[ITEM_HEADER + length :]
    return found


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(content)) + content


def _pdu(line: socket.socket) -> tuple[int, bytes]:
    kind, length = struct.unpack(">BxI", _exactly(line, PDU_HEADER))
    if length > LONGEST_ANSWER:
        raise ConnectionAbortedError("not an answer of a DICOM node")
    return kind, _exactly(line, length)


def _exactly(line: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        piece = line.recv(count - len(received))
        if not piece:
            raise ConnectionResetError("the node hung up")
        received += piece
    return received
