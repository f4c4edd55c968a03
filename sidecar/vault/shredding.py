"""Shredding an organisation: without its keys, whatever they closed is noise, in the database, its log and every copy of it."""

from uuid import UUID

from sqlalchemy import select

from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.vault.events import KeysDestroyed
from sidecar.vault.tables import DataKey


def destroy_keys(scopes: Scopes, organisation_id: UUID, *, erased: int = 0) -> int:
    """Destroy all keys of an organisation; return how many. Nothing is closed for it any more either.

    What was wrapped may survive in the database's log or an old dump: rotate the master key afterwards and destroy the old one.
    """
    with scopes.open(system_actor(organisation_id)) as scope:
        wanted = (DataKey.organisation_id == organisation_id, DataKey.wrapped.is_not(None))
        rows = list(scope.session.scalars(select(DataKey).where(*wanted).with_for_update()))
        for row in rows:
            row.wrapped, row.destroyed_at = None, scope.now
        scope.emit(KeysDestroyed(organisation_id=organisation_id, keys=len(rows), erased=erased))
    return len(rows)
