"""The worker's part: one export at a time is written, instance by instance; files whose time is over are deleted."""

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select, update

from sidecar.adapters.cell_client import CellClient
from sidecar.adapters.seals import Seal
from sidecar.deidentification import service
from sidecar.deidentification.model import ExportState
from sidecar.deidentification.store import ExportStore
from sidecar.deidentification.tables import Export
from sidecar.deidentification.writing import LEASE, InstanceSource, Writer
from sidecar.gate.actor import OrganisationKind, system_actor
from sidecar.gate.machine import Owed, Workshop, everybody, owing
from sidecar.gate.scope import Scope, Scopes
from sidecar.kernel.errors import Busy

LOG = structlog.get_logger("deidentification")
PAUSE = timedelta(minutes=1)
"""Before a cell that did not answer is asked again."""
MOST_ATTEMPTS = 30


def write_exports(workshop: Workshop) -> None:
    """Write every export that waits, provider by provider."""
    seal = Seal.from_text(workshop.settings.secret("totp_key"))
    store = ExportStore(workshop.settings.exports_dir)
    with CellClient(workshop.tokens) as cells:
        for organisation_id in owing(workshop.scopes, Owed.EXPORTS):
            write_waiting(workshop, cells, organisation_id, seal=seal, store=store)


def write_waiting(workshop: Workshop, cells: InstanceSource, organisation_id: UUID, *, seal: Seal, store: ExportStore) -> int:
    """Write what waits of one provider; return how many exports were worked on."""
    worked = 0
    while (export_id := _take(workshop.scopes, organisation_id)) is not None:
        worked += 1
        writer = Writer(workshop.scopes, cells, organisation_id, export_id, workshop.settings, seal, store)
        try:
            writer.write()
        except Busy:
            store.remove(organisation_id, export_id)
            with workshop.scopes.open(system_actor(organisation_id)) as scope:
                service.finish(scope, export_id, ExportState.WAITING, next_at=scope.now + PAUSE, problem="archive-silent")
    return worked


def _take(scopes: Scopes, organisation_id: UUID) -> UUID | None:
    """Claim the next export that is due: waiting, or left by a worker that went silent."""
    with scopes.open(system_actor(organisation_id)) as scope:
        export = scope.session.scalars(
            select(Export)
            .where(Export.state.in_([ExportState.WAITING, ExportState.WORKING]), Export.next_at <= scope.now)
            .order_by(Export.created_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if export is None:
            return None
        export.state, export.next_at, export.attempts = ExportState.WORKING, scope.now + LEASE, export.attempts + 1
        scope.session.flush()
        if export.attempts > MOST_ATTEMPTS:
            service.finish(scope, export.id, ExportState.FAILED, problem="too-often", finished_at=scope.now)
            return None
        return export.id


def tidy_exports(workshop: Workshop) -> None:
    """Expire what is past its time, and delete every file that no finished or running export owns."""
    store = ExportStore(workshop.settings.exports_dir)
    for organisation_id in everybody(workshop.scopes, OrganisationKind.PROVIDER):
        present = store.present(organisation_id)  # asked first: a file begun meanwhile is not looked at
        with workshop.scopes.open(system_actor(organisation_id)) as scope:
            _expire(scope)
            owners = [ExportState.READY, ExportState.WORKING, ExportState.WAITING]
            keep = scope.session.scalars(select(Export.id).where(Export.state.in_(owners))).all()
        for gone in present - set(keep):
            store.remove(organisation_id, gone)
            LOG.info("export deleted", organisation=str(organisation_id), export=str(gone))


def _expire(scope: Scope) -> None:
    due = (Export.state == ExportState.READY, Export.expires_at <= scope.now)
    for export_id in scope.session.scalars(select(Export.id).where(*due)).all():
        scope.session.execute(update(Export).where(Export.id == export_id, *due).values(state=ExportState.EXPIRED))
