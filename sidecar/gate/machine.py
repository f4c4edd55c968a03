"""What a machine works with: the worker's jobs act in everybody's name, one organisation's walls at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from redis import Redis
from sqlalchemy import Text, Uuid, column, select, table, text

from sidecar.adapters.cell_tokens import CellTokens
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import OrganisationKind, platform_system
from sidecar.gate.scope import Scopes
from sidecar.kernel.settings import Settings

ORGANISATIONS = table("organisations", column("id", Uuid), column("kind", Text))


class Owed(StrEnum):
    """What an organisation may owe: ``organisations_owing`` in the database knows them by these names, and when each is due.

    HAPPENED is none in itself: something of these kinds was written into the organisation's journal lately.
    """

    COMPLETION = "completion"
    SENDS = "sends"
    ERASURE = "erasure"
    CUSTODY = "custody"
    EXPORTS = "exports"
    METADATA = "metadata"
    THUMBNAILS = "thumbnails"
    FORWARDING = "forwarding"
    ALERTS = "alerts"
    HAPPENED = "happened"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where things are, where transactions begin, what proves the sidecar to a cell, and the master key."""

    settings: Settings
    scopes: Scopes
    redis: Redis
    tokens: CellTokens
    seal: Seal

    def close(self) -> None:
        """Give all connections back."""
        self.scopes.engine.dispose()
        self.redis.close()


def everybody(scopes: Scopes, *kinds: OrganisationKind) -> Sequence[UUID]:
    """Return the ids of all organisations of these kinds (none named: of all), for a job that enters each one's walls in turn."""
    wanted = [kind.value for kind in kinds or tuple(OrganisationKind)]
    found = select(ORGANISATIONS.c.id).where(ORGANISATIONS.c.kind.in_(wanted)).order_by(ORGANISATIONS.c.id)
    with scopes.open(platform_system()) as scope:
        return scope.session.scalars(found).all()


def owing(scopes: Scopes, work: Owed, *, kinds: Iterable[str] = (), within: timedelta = timedelta()) -> Sequence[UUID]:
    """Return the ids of those that owe this work now: a job that runs every second asks once, not each one in turn.

    ``kinds`` and ``within``: which events, and how far back, make work of METADATA, THUMBNAILS, ALERTS and HAPPENED.
    """
    asked = text("SELECT unnest(organisations_owing(:work, CAST(:kinds AS text[]), :since))").columns(id=Uuid)
    with scopes.open(platform_system()) as scope:
        told = {"work": work.value, "kinds": sorted(kinds), "since": scope.now - within}
        return scope.session.scalars(asked, told).all()
