"""The policy snapshot (wire format 1, version 3): what the sidecar wrote down for this cell, read from disk.

The cell keeps working on it while the sidecar, Postgres and Redis are down. Without a snapshot everything is shut.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from orthanc_plugin.entities import LAST_PORT, ApplicationEntity, Service, parse_entity

SUPPORTED_VERSION = 3
_IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")


class PolicyError(ValueError):
    """The snapshot cannot be used; the message says why and holds no secret."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One snapshot. The empty one admits nobody (and tells every caller so) and verifies no token.

    `plain`: the DICOM port without TLS is open. `tls_port`: the one with TLS, 0 for none. `withheld`: studies (Orthanc's ids)
    that were deleted and can still come back (sealing).
    """

    revision: int = 0
    cell: str = ""
    organisation: str = ""
    keys: Mapping[str, Ed25519PublicKey] = field(default_factory=dict)
    entities: tuple[ApplicationEntity, ...] = ()
    revoked_sessions: frozenset[str] = frozenset()
    plain: bool = True
    tls_port: int = 0
    withheld: frozenset[str] = frozenset()

    def services_of(self, aet: str) -> frozenset[Service]:
        """What an AE title may ask of the cell; an unknown one nothing."""
        return next((each.services for each in self.entities if each.aet == aet), frozenset())


SHUT = Policy()


def _public_key(text: object) -> Ed25519PublicKey:
    if not isinstance(text, str):
        raise PolicyError("a key is a string")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError) as error:
        raise PolicyError("a key is 32 bytes in base64url") from error


def _typed(document: Mapping[str, Any], name: str, kind: type) -> Any:
    value = document.get(name)
    if type(value) is not kind:
        raise PolicyError(f"{name} is missing or not of type {kind.__name__}")
    return value


def _entities(rows: list[Any]) -> tuple[ApplicationEntity, ...]:
    entities: list[ApplicationEntity] = []
    for row in rows:
        if not isinstance(row, dict):
            raise PolicyError("a sender is an object")
        try:
            entities.append(parse_entity(row))
        except ValueError as error:
            raise PolicyError(f"sender: {error}") from error
    if len({entity.aet for entity in entities}) != len(entities):
        raise PolicyError("an AE title is listed twice")
    return tuple(entities)


def _tls_port(dicom: Mapping[str, Any]) -> int:
    port: int = _typed(dicom, "tls_port", int)
    if not 0 <= port <= LAST_PORT:
        raise PolicyError("tls_port is no port")
    return port


def _withheld(rows: list[Any]) -> frozenset[str]:
    """Orthanc's ids; they become names of directories."""
    if not all(isinstance(each, str) and _IDENTIFIER.fullmatch(each) for each in rows):
        raise PolicyError("withheld holds something else than an id")
    return frozenset(rows)


def parse(text: bytes, *, cell: str, organisation: str) -> Policy:
    """Read a snapshot that must be meant for this very cell.

    Raises:
        PolicyError: not JSON, another version, another cell or organisation, or a value of the wrong kind.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise PolicyError("not JSON") from error
    if not isinstance(document, dict) or document.get("version") != SUPPORTED_VERSION:
        raise PolicyError(f"not a snapshot of version {SUPPORTED_VERSION}")
    if document.get("cell") != cell or document.get("organisation") != organisation:
        raise PolicyError("the snapshot belongs to another cell or organisation")
    dicom = _typed(document, "dicom", dict)
    return Policy(
        revision=_typed(document, "revision", int),
        cell=cell,
        organisation=organisation,
        keys={kid: _public_key(key) for kid, key in _typed(document, "keys", dict).items()},
        entities=_entities(_typed(document, "senders", list)),
        revoked_sessions=frozenset(_typed(document, "revoked_sessions", dict)),
        plain=_typed(dicom, "plain", bool),
        tls_port=_tls_port(dicom),
        withheld=_withheld(_typed(document, "withheld", list)),
    )


class PolicyFile:
    """The snapshot in force. A broken new one leaves the last good one standing."""

    def __init__(self, path: Path, *, cell: str, organisation: str) -> None:
        self._path = path
        self._cell = cell
        self._organisation = organisation
        self._seen: tuple[int, int, int] | None = None
        self.current = SHUT
        self.error: str | None = "no snapshot read yet"

    def refresh(self) -> bool:
        """Read the file again when it changed on disk.

        Returns:
            True when another snapshot is in force now.

        Raises:
            PolicyError: the file is missing or unusable; told once per version of the file, `error` keeps it.
        """
        try:
            status = self._path.stat()
            mark = (status.st_mtime_ns, status.st_size, status.st_ino)
            if mark == self._seen:
                return False
            self._seen = mark
            self.current = parse(self._path.read_bytes(), cell=self._cell, organisation=self._organisation)
        except (OSError, PolicyError) as error:
            return self._broken(error)
        self.error = None
        return True

    def _broken(self, error: OSError | PolicyError) -> bool:
        message = error.strerror or "unreadable" if isinstance(error, OSError) else str(error)
        if isinstance(error, OSError):
            self._seen = None
            if message == self.error:
                return False
        self.error = message
        raise PolicyError(message) from error
