"""The key to an organisation's backups, handed out in a file closed by a passphrase: it opens them where nothing else is left."""

import base64
import binascii
import json
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Invalid
from sidecar.vault import keys
from sidecar.vault.events import KeyHandedOut
from sidecar.vault.model import Purpose

COST, BLOCK, PARALLEL = 2**16, 8, 1
"""scrypt (RFC 7914): 64 MB and a quarter of a second for each guess."""
SHORTEST_PASSPHRASE = 12


def hand_out(scope: Scope, master: Seal, *, passphrase: str) -> bytes:
    """Return the acting organisation's key for copies as a file; Invalid for a short passphrase. Whoever has both opens them."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise Invalid(f"Use at least {SHORTEST_PASSPHRASE} characters for the passphrase; a sentence works well.")
    owner = scope.organisation_id
    _generation, key = keys.newest(scope, master, owner, Purpose.COPIES)
    salt = keys.new_key()
    closed = _by_passphrase(passphrase, salt).close(key.key, place=_place(owner))
    scope.emit(KeyHandedOut(organisation_id=owner))
    told = {"key_of": str(owner), "salt": base64.b64encode(salt).decode(), "closed": base64.b64encode(closed).decode()}
    return json.dumps(told, indent=1).encode() + b"\n"


def take_back(file: bytes, *, passphrase: str) -> tuple[UUID, Seal]:
    """Return whose key a file holds, and the key; Invalid when it is no such file, or closed by another passphrase."""
    try:
        told = json.loads(file)
        owner, salt, closed = UUID(told["key_of"]), base64.b64decode(told["salt"]), base64.b64decode(told["closed"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise Invalid("This file holds no key to backups.") from None
    try:
        return owner, Seal(_by_passphrase(passphrase, salt).open(closed, place=_place(owner)))
    except InvalidTag:
        raise Invalid("The passphrase is not the one this key was closed by.") from None


def _by_passphrase(passphrase: str, salt: bytes) -> Seal:
    return Seal(Scrypt(salt=salt, length=32, n=COST, r=BLOCK, p=PARALLEL).derive(passphrase.encode()))


def _place(owner: UUID) -> str:
    return f"handed out|{owner}|key"
