"""What is said on an association where C-MOVE or C-GET was proposed: retrievals are taken out of it and answered properly.

Everything else passes as it is. Objects of a C-GET pass through untouched; those of a C-MOVE never come here. Pure but for
its outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orthanc_plugin.door import contexts, dimse, pdu
from orthanc_plugin.door.dimse import Field, Piece, Tag
from orthanc_plugin.door.passage import Passage
from orthanc_plugin.door.retrieval import Request, Retrieval, Status
from orthanc_plugin.door.services import service_of
from orthanc_plugin.entities import Service
from orthanc_plugin.holdings import LEVELS

RETRIEVALS = frozenset({Service.MOVE, Service.GET})
LONGEST_MESSAGE = 4 * 1024 * 1024
"""Bytes of a request to retrieve: 60,000 UIDs. Objects are not put together here."""
LONGEST_TITLE = 16
LEVEL_KEYS = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
"""The unique key of each Query/Retrieve Level (PS3.4 section C.6)."""
Find = Callable[[dict[str, list[str]]], list[Any]]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the caller may have of C-MOVE and C-GET, to whom a C-MOVE may go, and how objects are found."""

    allowed: frozenset[Service]
    destinations: frozenset[str]
    find: Find


@dataclass(slots=True)
class Message:
    """A message that is being put together from its pieces."""

    command: bytes = b""
    data: bytes = b""

    def add(self, piece: Piece) -> None:
        """Take the next piece; raise UnreadableError when there is no end to it."""
        if piece.is_command:
            self.command += piece.content
        else:
            self.data += piece.content
        if len(self.command) + len(self.data) > LONGEST_MESSAGE:
            raise dimse.UnreadableError("a message without end")


@dataclass(slots=True)
class Conversation:
    """What is said on one association, in both directions. Pure but for its outputs."""

    abstract: Mapping[int, str]
    rules: Rules
    to_caller: Callable[[bytes], None]
    to_cell: Callable[[bytes], None]
    syntaxes: dict[int, str] = field(default_factory=dict)
    passage: Passage = field(default_factory=Passage)
    _asked: Message = field(default_factory=Message)
    _told: Message = field(default_factory=Message)
    _running: Retrieval | None = None

    def from_caller(self, kind: int, raw: bytes) -> None:
        """Take a PDU of the caller."""
        if kind != dimse.P_DATA:
            self.to_cell(raw)
            return
        for piece in dimse.pieces(raw[pdu.HEADER :]):
            if self._is_ours(piece.context):
                self._hear_caller(piece)
            else:
                self.to_cell(piece.pdu())

    def from_cell(self, kind: int, raw: bytes) -> None:
        """Take a PDU of Orthanc."""
        if kind == dimse.ASSOCIATE_AC:
            self.syntaxes = contexts.accepted(raw[pdu.HEADER :])
        if self._running is None:
            self.passage.hear(raw)
        if kind != dimse.P_DATA:
            self.to_caller(raw)
            return
        for piece in dimse.pieces(raw[pdu.HEADER :]):
            if self._running is not None and piece.context == self._running.request.context:
                self._hear_cell(piece)
            else:
                self.to_caller(piece.pdu())

    def _is_ours(self, context: int) -> bool:
        """Whether retrievals come in this context, in an encoding that we read."""
        service = service_of(self.abstract.get(context, ""))
        return service in self.rules.allowed and self.syntaxes.get(context) in {dimse.IMPLICIT, dimse.EXPLICIT}

    def _hear_caller(self, piece: Piece) -> None:
        message = self._asked
        message.add(piece)
        if not piece.is_last or (piece.is_command and self._has_data(message.command)):
            return
        self._asked = Message()
        command = dimse.decode_command(message.command)
        if command.get(Tag.COMMAND_FIELD) in {Field.C_MOVE_RQ, Field.C_GET_RQ} and self._running is None:
            self._start(Request(piece.context, self.syntaxes[piece.context], command), message.data)
            return
        if self._running is not None:
            self._running.cancelled = True  # nothing else may be said meanwhile (PS3.7 section 9.3.2.3: C-CANCEL)
        self.to_cell(Piece(piece.context, is_command=True, is_last=True, content=message.command).pdu())
        if message.data:
            self.to_cell(Piece(piece.context, is_command=False, is_last=True, content=message.data).pdu())

    @staticmethod
    def _has_data(command: bytes) -> bool:
        return dimse.decode_command(command).get(Tag.DATA_SET_TYPE, dimse.NO_DATA) != dimse.NO_DATA

    def _start(self, request: Request, identifier: bytes) -> None:
        refusal = Status.UNKNOWN_DESTINATION
        destination = str(request.command.get(Tag.MOVE_DESTINATION, ""))
        if not request.is_get and destination not in self.rules.destinations:
            self.passage.unknown = "".join(filter(str.isprintable, destination)).strip()[:LONGEST_TITLE]
        else:
            keys = _keys(dimse.decode_identifier(identifier, request.syntax))
            refusal = Status.WRONG_IDENTIFIER
            if keys:
                asked, failed = self._share_out(request, self.rules.find(keys))
                self._running = Retrieval(request, asked, failed, self.to_caller, self.to_cell)
                self._running.begin()
                self._forget_if_done()
                return
        self.to_caller(request.response(refusal, {}))

    def _share_out(self, request: Request, found: list[Any]) -> tuple[list[str], list[str]]:
        """Return what can be asked for, and what of a C-GET the caller has no accepted context for."""
        if not request.is_get:
            return [uid for uid, _ in found], []
        taken = {self.abstract.get(context) for context in self.syntaxes}
        return [uid for uid, kind in found if kind in taken], [uid for uid, kind in found if kind not in taken]

    def _hear_cell(self, piece: Piece) -> None:
        message, running = self._told, self._running
        message.add(piece)
        if running is None or not piece.is_last or (piece.is_command and self._has_data(message.command)):
            return
        self._told = Message()
        running.hear(dimse.decode_command(message.command))
        self._forget_if_done()

    def _forget_if_done(self) -> None:
        if self._running is not None and self._running.done:
            self.passage.objects += self._running.completed + self._running.warned
            self.passage.failed += len(self._running.failed)
            self._running = None


def _keys(identifier: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the keys to find by; none when the level's own is missing or not a list of exact values."""
    level = (identifier.get("QueryRetrieveLevel") or [""])[0]
    if not identifier.get(LEVEL_KEYS.get(level, "")):
        return {}
    keys = {keyword: values for keyword, values in identifier.items() if keyword in LEVELS and values}
    # Whoever takes a wildcard for a list of all objects is told so, instead of being sent none.
    return {} if any(set("*?") & set(value) or not value for values in keys.values() for value in values) else keys
