"""Files that are due are read in their cells, recorded the first time, compared from then on."""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

import structlog

from sidecar.adapters.cell_client import CellAddress, CellClient
from sidecar.archive import custody
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Owed, Workshop, owing
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Busy, Missing
from sidecar.studies.cells import cell_of

LOG = structlog.get_logger("custody")
AT_ONCE = 10
"""Batches of one provider in one turn: others wait behind it."""


class Reads(Protocol):
    """What reads files where they lie."""

    def digests(self, cell: CellAddress, orthanc_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what each file is now; Busy when the cell does not answer."""


def keep_custody(workshop: Workshop) -> None:
    """Read what is due, one provider with such work after the other. A cell that does not answer is asked at the next turn."""
    with CellClient(workshop.tokens) as cells:
        for organisation_id in owing(workshop.scopes, Owed.CUSTODY):
            try:
                read_due(workshop.scopes, cells, organisation_id, host=workshop.settings.cell_host, most=AT_ONCE)
            except (Busy, Missing) as problem:
                LOG.warning("images not verified now", organisation=str(organisation_id), reason=problem.code)


def read_due(  # noqa: PLR0913 - whose, where, and how much of it
    scopes: Scopes, cells: Reads, organisation_id: UUID, *, host: str, most: int, scrub: bool = False
) -> tuple[int, int]:
    """Read up to ``most`` batches of one provider; return how many files were read and how many are newly damaged.

    The cell is asked outside any transaction. ``scrub``: every file, also before its time.
    """
    read = damaged = 0
    began = scopes.clock() if scrub else None
    for _batch in range(most):
        with scopes.open(system_actor(organisation_id)) as scope:
            due = custody.due(scope, unread_since=began)
            custody.put_off(scope, [each for each in due if each.hidden])
            wanted = [each for each in due if not each.hidden]
            cell = cell_of(scope, organisation_id, host=host) if wanted else None
        if cell is not None:
            told = cells.digests(cell, [each.orthanc_id for each in wanted])
            with scopes.open(system_actor(organisation_id)) as scope:
                damaged += custody.write_down(scope, wanted, told)
            read += len(wanted)
        if len(due) < custody.BATCH:
            break
    return read, damaged
