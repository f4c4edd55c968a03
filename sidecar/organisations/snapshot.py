"""The policy snapshot (wire format 1, version 3; example in ``tests/contract/policy.json``): all a cell knows of us.

It lies on the cell's disk with the files of its TLS port beside it; the cell keeps working on the last one while the
sidecar, Postgres and Redis are away.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

VERSION = 3
OURS_ALONE = 0o600
Snapshot = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """One AE title: what it may ask (Service values) and from where; where it is reached ("" and 0: it only calls).

    In a snapshot ``host`` is an address in figures that was found good: the cell looks no name up.

    ``certificates`` are those it may show at the TLS port: sha256 of their DER form, hex.
    """

    aet: str
    networks: list[str]
    services: list[str]
    host: str = ""
    port: int = 0
    certificates: list[str] = field(default_factory=list)


def build_snapshot(  # noqa: PLR0913 - the wire's fields
    *,
    cell_id: UUID,
    organisation_id: UUID,
    revision: int,
    senders: Iterable[Caller],
    keys: Mapping[str, str],
    revoked: Mapping[str, int],
    issued_at: datetime,
    plain: bool = True,
    tls_port: int = 0,
    withheld: Iterable[str] = (),
) -> Snapshot:
    """Return the snapshot. ``plain``: the door listens on the port without TLS too; ``tls_port`` 0: there is none.

    ``withheld``: studies, by Orthanc's ids, that were deleted and can still come back.
    """
    return {
        "version": VERSION,
        "revision": revision,
        "cell": str(cell_id),
        "organisation": str(organisation_id),
        "keys": dict(sorted(keys.items())),
        "senders": [asdict(each) for each in sorted(senders, key=lambda each: each.aet)],
        "dicom": {"plain": plain, "tls_port": tls_port},
        "revoked_sessions": dict(sorted(revoked.items())),
        "withheld": sorted(withheld),
        "issued_at": issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def says_the_same(one: Snapshot | None, other: Snapshot) -> bool:
    """Compare what two snapshots say, whenever they were issued."""
    return one is not None and {**one, "issued_at": ""} == {**other, "issued_at": ""}


def read_snapshot(path: Path) -> Snapshot | None:
    """Return what lies on a cell's disk, or None when there is nothing or it was cut off."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Put the snapshot on a cell's disk in one step: the cell reads the old one or the new one, never half of it."""
    write_private(path, json.dumps(snapshot, indent=1))


def write_tls(directory: Path, files: Mapping[str, str]) -> None:
    """Put what the TLS port needs into a directory; files that hold it already are left alone."""
    directory.mkdir(mode=0o700, exist_ok=True)
    for name, text in files.items():
        path = directory / name
        if not path.is_file() or path.read_text() != text:
            write_private(path, text)


def write_private(path: Path, text: str) -> None:
    """Write a file in one step, readable for our own user only."""
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OURS_ALONE), "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
