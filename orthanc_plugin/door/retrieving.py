"""The relay of an association where C-MOVE or C-GET was proposed: PDU by PDU, so that they can be read."""

from __future__ import annotations

import select
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from orthanc_plugin.door import contexts, pdu
from orthanc_plugin.door.conversation import Conversation, Rules
from orthanc_plugin.door.dimse import UnreadableError
from orthanc_plugin.door.passage import Passage
from orthanc_plugin.door.relay import SILENCE

LONGEST = 16 * 1024 * 1024
"""Bytes of a PDU; Orthanc announces 128 KB, callers may announce any number."""
CHUNK = 256 * 1024
SEND_SECONDS = 60.0
_HEADER = struct.Struct(">BxI")


@dataclass(slots=True)
class _Stream:
    """One connection as PDUs."""

    connection: socket.socket
    total: int = 0
    _buffer: bytearray = field(default_factory=bytearray)

    def receive(self, take: Callable[[int, bytes], None]) -> bool:
        """Take what there is, whole PDUs only; return False at the end."""
        part = self.connection.recv(CHUNK)
        while isinstance(self.connection, ssl.SSLSocket) and self.connection.pending():
            part += self.connection.recv(self.connection.pending())
        self._buffer += part
        self.total += len(part)
        self.drain(take)
        return bool(part)

    def drain(self, take: Callable[[int, bytes], None]) -> None:
        while len(self._buffer) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._buffer)
            if length > LONGEST:
                raise UnreadableError("a PDU is longer than any honest one")
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            whole = bytes(self._buffer[:end])
            del self._buffer[:end]
            take(kind, whole)


def attend(  # noqa: PLR0913 - both sides, and what is known of them
    caller: socket.socket, cell: socket.socket, request: bytes, rules: Rules, passage: Passage, *, answered: Callable[[], None]
) -> tuple[int, int]:
    """Relay until either side ends, or SILENCE; ``request`` is the A-ASSOCIATE-RQ, read already. As ``relay.relay``.

    Returns:
        Bytes that came from the caller, the request included, and from the cell.
    """
    inward, outward = _Stream(caller), _Stream(cell)
    inward.total = len(request)
    for each in (caller, cell):
        each.settimeout(SEND_SECONDS)
    try:
        talk = Conversation(contexts.proposed(request[pdu.HEADER :]), rules, caller.sendall, cell.sendall, passage=passage)
        cell.sendall(request)
        poll = select.poll()
        poll.register(caller, select.POLLIN)
        poll.register(cell, select.POLLIN)
        while ready := poll.poll(SILENCE * 1000):
            for fileno, _ in ready:
                if fileno == cell.fileno():
                    going_on = outward.receive(talk.from_cell)
                    answered()
                else:
                    going_on = inward.receive(talk.from_caller)
                if not going_on:
                    return inward.total, outward.total
    except OSError:
        pass  # the network, or a cut, ended it: the record says how far it came
    except UnreadableError:
        pass  # nonsense on an association ends it; the cell would abort it too
    return inward.total, outward.total
