"""A backup of one organisation: all its rows in one file, closed under its own key; brought back into an instance without it.

The file: the line ``readingroom copy 1``, a line of JSON (which organisation, when, the file's key closed under the
organisation's key for copies), then a closed stream (``adapters.sealed_stream``) of gzip of JSON lines
``{"table": …, "row": …}``. The data keys are among them, so that what was sealed in a column is sealed still, and the same,
where it comes back. Not in it: images (the cell's directory), secrets of the installation, Redis.

This goes over a connection that no wall stops: the database's superuser, on the machine that holds the instance.
"""

import base64
import gzip
import io
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

from cryptography.exceptions import InvalidTag

from sidecar.adapters.sealed_stream import BrokenStream, StreamCloser, open_stream
from sidecar.adapters.seals import Seal
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.vault import rows
from sidecar.vault.rows import Connection

FIRST_LINE = b"readingroom copy 1\n"
LONGEST_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Head:
    """What a backup says of itself before it is opened. ``raw`` is bound to the content."""

    organisation_id: UUID
    made_at: datetime
    revision: str
    key_closed: bytes
    raw: bytes


def write(connection: Connection, target: BinaryIO, organisation_id: UUID, *, key: Seal, data_keys: dict[int, bytes]) -> int:
    """Write the backup of an organisation, as of one moment; return how many rows. ``key`` is its key for copies."""
    file_key = secrets.token_bytes(32)
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        about = {
            "organisation": str(organisation_id),
            "made_at": connection.execute("SELECT now()").fetchone()[0].isoformat(),  # type: ignore[index]
            "revision": rows.revision(connection),
            "key": base64.b64encode(key.close(file_key, place=_place(organisation_id))).decode(),
        }
        head = json.dumps(about).encode() + b"\n"
        target.write(FIRST_LINE + head)
        count = 0
        with StreamCloser(target, file_key, about=head) as closing, gzip.GzipFile(fileobj=_Writing(closing), mode="wb") as packed:
            for generation, data_key in data_keys.items():
                _line(packed, "", {"generation": generation, "key": base64.b64encode(data_key).decode()})
            for table, row in rows.of_organisation(connection, organisation_id):
                count += 1
                _line(packed, table, row)
    return count


def read_head(source: BinaryIO) -> Head:
    """Read what a backup says of itself; Invalid for any other file."""
    if source.readline(len(FIRST_LINE)) != FIRST_LINE:
        raise Invalid("This file is no backup of an organisation.")
    raw = source.readline(LONGEST_HEAD)
    try:
        about = json.loads(raw)
        closed = base64.b64decode(about["key"], validate=True)
        return Head(UUID(about["organisation"]), datetime.fromisoformat(about["made_at"]), about["revision"], closed, raw)
    except (ValueError, KeyError, TypeError):
        raise Invalid("The beginning of this backup cannot be read.") from None


def restore(connection: Connection, source: BinaryIO, head: Head, *, key: Seal) -> tuple[int, dict[int, bytes]]:
    """Bring an organisation back, all or nothing; return how many rows, and its data keys, which are the caller's to wrap.

    Raises:
        Conflict: the organisation is here, or the tables are of another version. Invalid: another key, or not as it was written.
    """
    try:
        file_key = key.open(head.key_closed, place=_place(head.organisation_id))
    except InvalidTag:
        raise Invalid("This key does not open this backup.") from None
    if head.revision != rows.revision(connection):
        raise Conflict(f"The backup was made at version {head.revision} of the tables. Restore it there, then migrate.")
    if connection.execute("SELECT 1 FROM data_keys WHERE organisation_id = %s", (head.organisation_id,)).fetchone():
        raise Conflict("This organisation is here already. A backup comes back where it is not.")
    data_keys: dict[int, bytes] = {}
    count = 0
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")  # the rows come as they were: no trigger, any order
        columns = {table: rows.columns(connection, table) for table in rows.tables(connection)}
        for table, row in _lines(source, head, file_key):
            if table:
                count += 1
                rows.insert(connection, table, columns[table], row)
            else:
                data_keys[row["generation"]] = base64.b64decode(row["key"])
        if not connection.execute("SELECT 1 FROM organisations WHERE id = %s", (head.organisation_id,)).fetchone():
            raise Conflict("Another organisation bears its name here. Rename that one first.")
    return count, data_keys


def _lines(source: BinaryIO, head: Head, file_key: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    plain = open_stream(source, file_key, about=head.raw)
    try:
        with gzip.GzipFile(fileobj=_Reading(plain)) as packed:
            for line in packed:
                each = json.loads(line)
                yield each["table"], each["row"]
    except (BrokenStream, EOFError, gzip.BadGzipFile) as broken:
        raise Invalid(f"This backup is not as it was written: {broken}") from broken


def _line(packed: gzip.GzipFile, table: str, row: dict[str, Any]) -> None:
    packed.write(json.dumps({"table": table, "row": row}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")


def _place(organisation_id: UUID) -> str:
    return f"copy|{organisation_id}|key"


class _Writing(io.RawIOBase):
    """A file for gzip to write to."""

    def __init__(self, closing: StreamCloser) -> None:
        self._closing = closing

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._closing.write(bytes(data))
        return len(data)


class _Reading(io.RawIOBase):
    """A file for gzip to read from, made of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        taken, self._left = self._left[: len(target)], self._left[len(target) :]
        target[: len(taken)] = taken
        return len(taken)
