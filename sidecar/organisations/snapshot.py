"""The policy snapshot (wire format 1, example in ``tests/contract/policy.json``): all a cell knows of us, on its disk.

The cell keeps working on the last one while the sidecar, Postgres and Redis are away.
"""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

VERSION = 1
READABLE = 0o640
Snapshot = dict[str, Any]


def build_snapshot(  # noqa: PLR0913 - the wire's fields
    *,
    cell_id: UUID,
    organisation_id: UUID,
    revision: int,
    senders: Iterable[tuple[str, str]],
    keys: Mapping[str, str],
    revoked: Mapping[str, int],
    issued_at: datetime,
) -> Snapshot:
    """Return the snapshot. ``senders`` are (AE title, network) pairs; a title appears once, with all its networks."""
    networks: dict[str, list[str]] = {}
    for aet, network in sorted(senders):
        networks.setdefault(aet, []).append(network)
    return {
        "version": VERSION,
        "revision": revision,
        "cell": str(cell_id),
        "organisation": str(organisation_id),
        "keys": dict(sorted(keys.items())),
        "senders": [{"aet": aet, "networks": found} for aet, found in networks.items()],
        "revoked_sessions": dict(sorted(revoked.items())),
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
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, READABLE), "w") as handle:
        json.dump(snapshot, handle, indent=1)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
