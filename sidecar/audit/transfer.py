"""A whole journal as one file that proves itself: rows, checkpoints, the public key, and a signature over all of it.

One JSON object per line. The first says whose journal it is and which key signed; then checkpoints; then rows with the exact
text that was hashed; the last line holds the SHA-256 of everything before it and its signature, so a cut-off end shows too.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from sidecar.audit.chain import Verdict, walk
from sidecar.audit.checkpoints import EXPORT, Checkpoint, Signer, Verifier
from sidecar.kernel.journal import Link

FORMAT = "reading-room-journal/1"


@dataclass(frozen=True, slots=True)
class ExportedRow:
    """A row read back from a file."""

    organisation_id: UUID
    sequence: int
    body: str
    previous_hash: bytes
    hash: bytes


def written(
    rows: Iterable[Link], checkpoints: Sequence[Checkpoint], signer: Signer, *, about: Mapping[str, str]
) -> Iterator[bytes]:
    """Yield the lines of the file. ``about``: organisation (its id), name and made_at, for the first line."""
    digest, number = hashlib.sha256(), 0
    for line in _lines(rows, checkpoints, signer.verifier, about):
        digest.update(line)
        number += 1
        yield line
    sealed = {"lines": number, "sha256": digest.hexdigest()}
    yield _line({**sealed, "signature": signer.sign(EXPORT, _line(sealed)).hex()})


def _lines(
    rows: Iterable[Link], checkpoints: Sequence[Checkpoint], verifier: Verifier, about: Mapping[str, str]
) -> Iterator[bytes]:
    yield _line({"format": FORMAT, **about, "key": verifier.fingerprint, "public_key": verifier.public.hex()})
    for checkpoint in checkpoints:
        yield _line({"checkpoint": checkpoint.as_json()})
    for row in rows:
        yield _line({"sequence": row.sequence, "previous": row.previous_hash.hex(), "hash": row.hash.hex(), "body": row.body})


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode() + b"\n"


@dataclass(slots=True)
class Read:
    """A file as it was read: what it says of itself, and what was found."""

    about: dict[str, Any] = field(default_factory=dict)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    rows: list[ExportedRow] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def verify_file(path: Path, *, key: str = "") -> tuple[dict[str, Any], Verdict]:
    """Verify an exported journal without any database; return what it says of itself and the verdict.

    ``key`` is the fingerprint it must be signed by. Without it the file vouches only for itself: compare the fingerprint
    it names with the one that the audit page shows.
    """
    with closing(_open(path)) as file:
        return verify_lines(file, key=key)


def verify_lines(lines: Iterable[bytes], *, key: str = "") -> tuple[dict[str, Any], Verdict]:
    """Verify the lines of an exported journal."""
    read = Read()
    try:
        verifier = _read(read, lines, key)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        fault = f"The file is not a journal, or was damaged: {type(error).__name__}"
        return read.about, Verdict(0, 0, faults=(*read.faults, fault))
    verdict = walk(read.rows, read.checkpoints, verifier, copies=False)
    faults = (*read.faults, *verdict.faults)
    return read.about, Verdict(verdict.rows, verdict.last, verdict.broken_at, faults, verdict.anchored, verdict.anchored_at)


def _read(read: Read, lines: Iterable[bytes], key: str) -> Verifier:
    digest, previous, number = hashlib.sha256(), b"", 0
    for line in lines:
        if previous:
            digest.update(previous)
            _take(read, json.loads(previous), first=number == 0)
            number += 1
        previous = line
    verifier = Verifier(bytes.fromhex(read.about["public_key"]))
    sealed = json.loads(previous)
    signature = bytes.fromhex(sealed.pop("signature", ""))
    if not verifier.good(EXPORT, _line(sealed), signature):
        read.faults.append("The end of the file is missing, or is not signed")
    if (sealed.get("lines"), sealed.get("sha256")) != (number, digest.hexdigest()):
        read.faults.append("The file was changed after it was signed")
    if key and key.lower() != verifier.fingerprint:
        read.faults.append(f"The file is signed by another key: {verifier.fingerprint}")
    return verifier


def _take(read: Read, said: dict[str, Any], *, first: bool) -> None:
    if first:
        if said["format"] != FORMAT:
            raise ValueError("another format")
        read.about = said
    elif "checkpoint" in said:
        read.checkpoints.append(Checkpoint.from_json(said["checkpoint"]))
    else:
        organisation = UUID(read.about["organisation"])
        previous, own = bytes.fromhex(said["previous"]), bytes.fromhex(said["hash"])
        read.rows.append(ExportedRow(organisation, int(said["sequence"]), str(said["body"]), previous, own))


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]  # it reads bytes
