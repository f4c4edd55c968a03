"""One C-MOVE or C-GET, with the counts that the standard asks for (PS3.4 section C.4.2, C.4.3). Pure: messages in, messages out.

Orthanc ends a C-MOVE with 0xC000 and counts of nothing at the first image that fails, at an unknown destination and when
nothing matches; a C-GET at the first image without a presentation context (measured). So the objects are listed first, asked of
Orthanc by their SOP Instance UIDs in this order, and after a failure the rest is asked for anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from orthanc_plugin.door.dimse import Command, Field, Tag, encode_uids, message

AT_ONCE = 500
"""Objects of one request to Orthanc: their UIDs must fit into 64 KB of an explicit VR."""
HOPELESS = 3
"""Failures in a row, without any success before or between, after which the destination is taken for dead."""
TOLD = 900
"""Failed UIDs that a response can list."""
_IMAGE_UIDS, _FAILED_UIDS = 0x0018, 0x0058


class Status(IntEnum):
    """Statuses of PS3.4 tables C.4-2 and C.4-3."""

    SUCCESS = 0x0000
    PENDING = 0xFF00
    CANCEL = 0xFE00
    WARNING = 0xB000
    NO_SUB_OPERATIONS = 0xA702
    UNKNOWN_DESTINATION = 0xA801
    WRONG_IDENTIFIER = 0xA900


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller asked for: its command, in which context, and that context's transfer syntax."""

    context: int
    syntax: str
    command: Command

    @property
    def is_get(self) -> bool:
        """Whether the objects come back on the same association."""
        return self.command[Tag.COMMAND_FIELD] == Field.C_GET_RQ

    def response(self, status: Status, counts: Mapping[int, int], failed: Sequence[str] = ()) -> bytes:
        """Write a response; the list of what failed goes with a final one that says so."""
        command: Command = {
            Tag.AFFECTED_SOP_CLASS_UID: self.command.get(Tag.AFFECTED_SOP_CLASS_UID, ""),
            Tag.COMMAND_FIELD: Field.C_GET_RSP if self.is_get else Field.C_MOVE_RSP,
            Tag.MESSAGE_ID_RESPONDED_TO: self.command.get(Tag.MESSAGE_ID, 0),
            Tag.STATUS: status,
        }
        command.update(counts)
        listed = encode_uids(failed[:TOLD], element=_FAILED_UIDS, syntax=self.syntax) if failed else b""
        return message(self.context, command, listed)


@dataclass(slots=True)
class Retrieval:
    """A request that is being answered. ``asked`` are the objects to ask Orthanc for, ``failed`` those already given up."""

    request: Request
    asked: list[str]
    failed: list[str]
    to_caller: Callable[[bytes], None]
    to_cell: Callable[[bytes], None]
    completed: int = 0
    warned: int = 0
    done: bool = False
    cancelled: bool = False
    _next: int = 0
    _handled: int = 0
    """Of the present batch, as Orthanc has told so far; among them with a warning, and failed."""
    _warned: int = 0
    _bad: list[str] = field(default_factory=list)
    _in_a_row: int = 0

    def begin(self) -> None:
        """Ask Orthanc for the next objects, or end when there are none."""
        batch = self.asked[self._next : self._next + AT_ONCE]
        if not batch:
            self._end()
        elif self.cancelled:
            self._tell(Status.CANCEL, final=True)
        else:
            named = encode_uids(batch, element=_IMAGE_UIDS, syntax=self.request.syntax, level="IMAGE ")
            self.to_cell(message(self.request.context, self.request.command, named))

    def hear(self, answer: Command) -> None:
        """Take a response of Orthanc's to what was asked last."""
        status = answer.get(Tag.STATUS)
        if status == Status.PENDING:
            self._count(answer)
            if self._next + self._handled < len(self.asked):
                self._tell(Status.PENDING)
        elif status == Status.CANCEL:
            self._count(answer)
            self._take_over()
            self._tell(Status.CANCEL, final=True)
        elif status in {Status.SUCCESS, Status.WARNING, Status.NO_SUB_OPERATIONS}:
            self._count(answer)
            self._handled = min(AT_ONCE, len(self.asked) - self._next)
            self._take_over()
            self.begin()
        else:
            self._give_up_one(answer)

    def _count(self, answer: Command) -> None:
        """Take over how far Orthanc is. Its C-MOVE counts all it handled as completed, and stops at the first that fails.

        Its C-GET tells after each object, so where the number of failures has grown the last one failed.
        """
        good, bad, warned = (int(answer.get(tag, 0)) for tag in (Tag.COMPLETED, Tag.FAILED, Tag.WARNING))
        self._warned = warned
        if self.request.is_get:
            self._handled, new = good + bad + warned, bad - len(self._bad)
            here = self._next + self._handled
            self._bad += self.asked[here - new : here]
        else:
            self._handled = good
        # Orthanc finds by UID: one that two patients' objects bear is asked for once and counted twice.
        self._handled = min(self._handled, AT_ONCE, len(self.asked) - self._next)

    def _take_over(self) -> None:
        """Add the present batch, as far as it was handled, to the whole."""
        self.completed += self._handled - self._warned - len(self._bad)
        self.warned += self._warned
        self.failed += self._bad
        self._next += self._handled
        self._handled, self._warned, self._bad = 0, 0, []

    def _give_up_one(self, answer: Command) -> None:
        """Orthanc stopped at an object: the one after those it had handled. A C-GET counts it as failed itself."""
        before = len(self._bad)
        if self.request.is_get:
            self._count(answer)
        if len(self._bad) == before and self._next + self._handled < len(self.asked):
            self._bad.append(self.asked[self._next + self._handled])
            self._handled += 1
        self._in_a_row = self._in_a_row + 1 if self._handled == len(self._bad) else 0
        self._take_over()
        if self._in_a_row >= HOPELESS and not self.completed:
            self.failed += self.asked[self._next :]
            self._next = len(self.asked)
        if self._next < len(self.asked):
            self._tell(Status.PENDING)
        self.begin()

    def _end(self) -> None:
        if not self.failed and not self.warned:
            self._tell(Status.SUCCESS, final=True)
        elif self.completed or self.warned:
            self._tell(Status.WARNING, final=True)
        else:
            self._tell(Status.NO_SUB_OPERATIONS, final=True)

    def _tell(self, status: Status, *, final: bool = False) -> None:
        counts: dict[int, int] = {
            Tag.COMPLETED: max(0, self.completed + self._handled - self._warned - len(self._bad)),
            Tag.FAILED: len(self.failed) + len(self._bad),
            Tag.WARNING: self.warned + self._warned,
        }
        if not final or status is Status.CANCEL:
            counts[Tag.REMAINING] = len(self.asked) - self._next - self._handled
        self.done = final
        self.to_caller(self.request.response(status, counts, self.failed if final else ()))
