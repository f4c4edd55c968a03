"""Whether cells did take out of their archives what was deleted. They do so by themselves; where one cannot, somebody is told."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from sidecar.adapters.cell_client import CellClient
from sidecar.adapters.cell_work import CellWork, Work
from sidecar.archive.events import StudyDeleted
from sidecar.archive.model import DeletionState
from sidecar.archive.tables import Deletion
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Owed, Workshop, owing
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Broken, Busy
from sidecar.studies.cells import cell_of
from sidecar.studies.tables import Study

JUST_NOW = timedelta(hours=1)
"""How far back it is looked: a cell that could not for so long has had its say in the list of deleted studies."""
BY_THEN = timedelta(seconds=15)
"""After so long a cell that is well has done it."""
STILL_SHOWN = "The archive could not take it out yet: your own Explorer and workstations still show it. It is tried again."


def watch_withheld(workshop: Workshop) -> None:
    """Look at what was deleted just now, one provider after the other."""
    with CellClient(workshop.tokens) as client:
        for organisation_id in owing(workshop.scopes, Owed.HAPPENED, kinds=(StudyDeleted.kind,), within=JUST_NOW):
            look(workshop.scopes, CellWork(client), organisation_id, host=workshop.settings.cell_host)


def look(scopes: Scopes, work: Work, organisation_id: UUID, *, host: str) -> None:
    """Write down which hidden studies the cell still shows, and of which that is over. One that does not answer shows nothing."""
    hidden = (Deletion.state == DeletionState.HIDDEN) & Deletion.undone_at.is_(None)
    with scopes.open(system_actor(organisation_id)) as scope:
        rows = scope.session.execute(
            select(Deletion.id, Deletion.problem, Study.orthanc_id)
            .join(Study, (Study.organisation_id == Deletion.organisation_id) & (Study.id == Deletion.study_id))
            .where(hidden, Deletion.erase_at > scope.now)
            .where(Deletion.asked_at.between(scope.now - JUST_NOW, scope.now - BY_THEN))
        ).all()
        cell = cell_of(scope, organisation_id, host=host) if rows else None
    if cell is None:
        return
    try:
        found = {row.id: STILL_SHOWN if work.holds_study(cell, row.orthanc_id) else "" for row in rows}
    except (Busy, Broken):
        return
    changed = [row.id for row in rows if row.problem != found[row.id]]
    if changed:
        with scopes.open(system_actor(organisation_id)) as scope:
            for each in changed:
                mine = (Deletion.organisation_id == organisation_id, Deletion.id == each, hidden)
                said = update(Deletion).where(*mine).values(problem=found[each])
                scope.session.execute(said.execution_options(synchronize_session=False))
