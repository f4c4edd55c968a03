"""Close and open values under the key of the organisation they belong to."""

from uuid import UUID

from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.vault import keys
from sidecar.vault.model import Envelope, KeyName, Purpose


def close(scope: Scope, seal: Seal, organisation_id: UUID, plain: bytes, *, place: str) -> bytes:
    """Return ``plain`` closed by the organisation's newest key, to be opened at the same ``place`` (``table|row|column``) only.

    ``seal`` is the master key. The organisation's first key is made on demand; the scope must see the organisation, or be one of
    sign-in. Columns for it are declared with ``info=model.sealed_at(place)``. Raises KeyDestroyed for a shredded organisation.
    """
    generation, key = keys.newest(scope, seal, organisation_id)
    return Envelope(generation, key.close(plain, place=place)).pack()


def open_sealed(scope: Scope, seal: Seal, organisation_id: UUID, sealed: bytes, *, place: str) -> bytes:
    """Return the plain bytes.

    Raises:
        InvalidTag: moved to another place or organisation, or altered (from ``cryptography``). KeyDestroyed: shredded.
    """
    envelope = Envelope.unpack(sealed)
    if not envelope.generation:
        return seal.open(envelope.body, place=place)
    key = keys.named(scope, seal, KeyName(organisation_id, Purpose.ROWS, envelope.generation))
    return key.open(envelope.body, place=place)
