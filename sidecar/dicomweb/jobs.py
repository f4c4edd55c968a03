"""What the worker does for the viewer: metadata ready before somebody opens the study, contexts forgotten after."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from sidecar.adapters.cell_client import CellAddress, CellClient, Cells
from sidecar.dicomweb import twins
from sidecar.dicomweb.thumbnails import made
from sidecar.gate.actor import OrganisationKind, system_actor
from sidecar.gate.machine import Owed, Workshop, everybody, owing
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Busy, Missing, Problem
from sidecar.studies import contexts, metadata, queries, thumbnails
from sidecar.studies.cells import cell_of
from sidecar.studies.events import StudyCompleted
from sidecar.studies.metadata import Wanted

LOG = structlog.get_logger("metadata")
COMPLETED = (StudyCompleted.kind,)
JUST_NOW = timedelta(hours=1)
"""How far back it is looked every few seconds. What is older, and missing, is met by the slow rounds."""
RETRY = timedelta(minutes=5)
"""A series that the cell cannot describe is left alone for so long; opening it asks again at once."""
FAILED: dict[UUID, datetime] = {}
"""Series that this process could not fill, and when it tried."""


def fill_metadata(workshop: Workshop) -> None:
    """Fetch the metadata of studies that were completed just now into the cache."""
    _fill(workshop, owing(workshop.scopes, Owed.METADATA, kinds=COMPLETED, within=JUST_NOW))


def fill_all_metadata(workshop: Workshop) -> None:
    """Fetch what is missing of the last day's studies, provider by provider: also what was left alone after a failure."""
    _fill(workshop, everybody(workshop.scopes, OrganisationKind.PROVIDER))


def make_thumbnails(workshop: Workshop) -> None:
    """Make the thumbnails of studies that were completed just now."""
    _make(workshop, owing(workshop.scopes, Owed.THUMBNAILS, kinds=COMPLETED, within=JUST_NOW))


def make_all_thumbnails(workshop: Workshop) -> None:
    """Make what is missing of the last day's studies, provider by provider."""
    _make(workshop, everybody(workshop.scopes, OrganisationKind.PROVIDER))


def _fill(workshop: Workshop, providers: Sequence[UUID]) -> None:
    with CellClient(workshop.tokens) as cells:
        fill(workshop.scopes, cells, providers, host=workshop.settings.cell_host)


def _make(workshop: Workshop, providers: Sequence[UUID]) -> None:
    with CellClient(workshop.tokens) as cells:
        for organisation_id in providers:
            try:
                make_provider(workshop.scopes, cells, organisation_id, host=workshop.settings.cell_host)
            except (Busy, Missing) as problem:
                LOG.warning("no thumbnails now", organisation=str(organisation_id), reason=problem.code)


def make_provider(scopes: Scopes, cells: Cells, organisation_id: UUID, *, host: str) -> int:
    """Make what is missing of one provider; return how many. The cell is asked outside any transaction."""
    with scopes.open(system_actor(organisation_id)) as scope:
        todo = thumbnails.wanted(scope)
        if not todo:
            return 0
        cell = cell_of(scope, organisation_id, host=host)
    for each in todo:
        thumbnails.keep(scopes, organisation_id, each, made(cells, cell, each))
    return len(todo)


def forget_contexts(workshop: Workshop) -> None:
    """Delete the reading contexts that ran out, organisation by organisation."""
    for organisation_id in everybody(workshop.scopes):
        with workshop.scopes.open(system_actor(organisation_id)) as scope:
            contexts.forget_expired(scope)


def fill(scopes: Scopes, cells: Cells, providers: Sequence[UUID], *, host: str) -> int:
    """Fill what is missing; return how many series were kept. A cell that does not answer is asked at the next tick."""
    now = scopes.clock()
    for series_id in [each for each, at in FAILED.items() if at <= now - RETRY]:
        del FAILED[series_id]
    kept = 0
    for organisation_id in providers:
        try:
            kept += fill_provider(scopes, cells, organisation_id, host=host)
        except Busy:
            LOG.warning("cell is not answering", organisation=str(organisation_id))
    return kept


def fill_provider(scopes: Scopes, cells: Cells, organisation_id: UUID, *, host: str) -> int:
    """Fetch what is missing of one provider; return how many series were kept. The cell is asked outside any transaction."""
    with scopes.open(system_actor(organisation_id)) as scope:
        todo = metadata.wanted(scope, without=frozenset(FAILED))
        if not todo:
            return 0
        cell = cell_of(scope, organisation_id, host=host)
    return sum(_fetch(scopes, cells, cell, each) for each in todo)


def _described(scopes: Scopes, cells: Cells, cell: CellAddress, series: Wanted) -> bytes:
    try:
        return cells.series_metadata(cell, series.study_instance_uid, series.series_instance_uid)
    except Missing:
        with scopes.open(system_actor(cell.organisation_id)) as scope:
            instances = queries.instances_of(scope, cell.organisation_id, series.series_id)
        return twins.series_metadata(cells, cell, instances)


def _fetch(scopes: Scopes, cells: Cells, cell: CellAddress, series: Wanted) -> bool:
    """Fetch one series and keep it; what fails otherwise than by a silent cell is noted, logged and left alone a while."""
    try:
        body = _described(scopes, cells, cell, series)
    except Busy:
        raise
    except Problem as problem:
        reason = problem.code
    else:
        if metadata.keep(scopes, cell.organisation_id, series.series_id, body=body, packed=metadata.pack(body)):
            return True
        reason = "cell and index count differently"
    FAILED[series.series_id] = scopes.clock()
    LOG.warning("metadata not kept", cell=str(cell.cell_id), series=str(series.series_id), reason=reason)
    return False
