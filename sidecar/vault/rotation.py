"""New keys for old: every value of an organisation is closed anew, then the old key is destroyed. Stopped halfway, it goes on.

Nobody waits meanwhile: old and new generation open side by side until the last value is closed under the new one.
"""

from uuid import UUID

from sqlalchemy import select

from sidecar.adapters.seals import Seal
from sidecar.gate.actor import platform_system, system_actor
from sidecar.gate.scope import Scope, Scopes
from sidecar.vault import keys, sealed, service
from sidecar.vault.errors import KeyDestroyed
from sidecar.vault.events import KeyRotated
from sidecar.vault.model import Envelope, KeyName, Purpose
from sidecar.vault.tables import DataKey


def rotate(scopes: Scopes, master: Seal, organisation_id: UUID) -> int:
    """Give an organisation a new data key and destroy the ones before; return how many values were closed anew."""
    with scopes.open(system_actor(organisation_id)) as scope:
        _begin(scope, master)
    done = close_anew(scopes, master, organisation_id)
    with scopes.open(system_actor(organisation_id)) as scope:
        done += _destroy_older(scope, master, done)
    return done


def close_anew(scopes: Scopes, master: Seal, organisation_id: UUID) -> int:
    """Close under the newest key whatever is not, one commit per batch; return how many values that were."""
    done = 0
    while True:
        with scopes.open(system_actor(organisation_id)) as scope:
            batch = _one_batch(scope, master)
        if not batch:
            return done
        done += batch


def wrap_anew(scopes: Scopes, old: Seal, new: Seal) -> int:
    """Wrap every data key with another master key, all in one transaction; return how many. Values stay as they are.

    Before it, nothing may be left that the master key closed itself: ``close_anew`` every organisation first.
    """
    with scopes.open(platform_system()) as scope:
        rows = list(scope.session.scalars(select(DataKey).where(DataKey.wrapped.is_not(None)).with_for_update()))
        for row in rows:
            place = keys.place(KeyName(row.organisation_id, Purpose(row.purpose), row.generation))
            row.wrapped = new.close(old.open(row.wrapped or b"", place=place), place=place)
    return len(rows)


def _begin(scope: Scope, master: Seal) -> None:
    """Make the next generation, unless an earlier rotation made it and was stopped."""
    newest, _key = keys.newest(scope, master, scope.organisation_id)
    if len(_living(scope)) == 1:
        keys.add(scope, master, KeyName(scope.organisation_id, Purpose.ROWS, newest + 1))


def _one_batch(scope: Scope, master: Seal) -> int:
    """Close one batch of values anew. An organisation without keys gets its first one when there is something to close."""
    owner, done = scope.organisation_id, 0
    newest = keys.newest_generation(scope, owner) or 0
    for each in sealed.sealed_columns():
        rows = sealed.otherwise_closed(scope, each, newest)
        if not rows:
            continue
        newest, key = keys.newest(scope, master, owner)  # locked to the end of the batch
        for row in rows:
            place = each.place(row)
            plain = _plain(scope, master, each, row)
            sealed.replace(scope, each, row, Envelope(newest, key.close(plain, place=place)).pack())
        done += len(rows)
        if done >= sealed.BATCH:
            break
    return done


def _plain(scope: Scope, master: Seal, column: sealed.SealedColumn, row: object) -> bytes:
    stored = bytes(getattr(row, column.column.name))
    if column.still_open(stored):
        return stored
    return service.open_sealed(scope, master, scope.organisation_id, stored, place=column.place(row))


def _destroy_older(scope: Scope, master: Seal, before: int) -> int:
    """Wait for whoever closes with an older key now, close that anew too, then forget the older keys for ever."""
    *older, newest = _living(scope)
    late = 0
    while batch := _one_batch(scope, master):
        late += batch
    for row in older:
        row.wrapped, row.destroyed_at = None, scope.now
    scope.session.flush()
    if older:
        owner = scope.organisation_id
        scope.emit(KeyRotated(organisation_id=owner, generation=newest.generation, closed_anew=before + late))
    return late


def _living(scope: Scope) -> list[DataKey]:
    """Return the generations that can still open, oldest first, locked: who closes with one holds it shared till they commit."""
    mine = (DataKey.organisation_id == scope.organisation_id, DataKey.purpose == Purpose.ROWS, DataKey.wrapped.is_not(None))
    found = select(DataKey).where(*mine).order_by(DataKey.generation).with_for_update()
    rows = list(scope.session.scalars(found.execution_options(populate_existing=True)))
    if not rows:
        raise KeyDestroyed
    return rows
