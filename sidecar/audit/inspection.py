"""``./readingroom audit``: verify journals in the database, or write one whole to a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import column, select, table

from sidecar.audit import anchors, service, transfer
from sidecar.audit.chain import Verdict
from sidecar.audit.checkpoints import Checkpoint, Signer, Verifier
from sidecar.gate.actor import platform_system, system_actor
from sidecar.gate.scope import Scope, Scopes
from sidecar.kernel.errors import Missing
from sidecar.kernel.journal import JournalRow, Link

ORGANISATIONS = table("organisations", column("id"), column("name"))


@dataclass(frozen=True, slots=True)
class Inspected:
    """One organisation's journal and what was found in it."""

    organisation_id: UUID
    name: str
    verdict: Verdict


def inspect(scopes: Scopes, verifier: Verifier, directory: Path, *, only: str = "") -> Iterator[Inspected]:
    """Verify every journal, or that of one organisation by id or name, with the checkpoints kept outside the database."""
    for organisation_id, name in named(scopes, only):
        outside = anchors.kept(directory, organisation_id)
        with scopes.open(system_actor(organisation_id)) as scope:
            verdict = service.verify(scope, verifier, outside=outside)
        yield Inspected(organisation_id, name, verdict)


def named(scopes: Scopes, only: str = "") -> list[tuple[UUID, str]]:
    """Return the organisations asked for; Missing when there is none of this id or name."""
    with scopes.open(platform_system()) as scope:
        rows = scope.session.execute(select(ORGANISATIONS.c.id, ORGANISATIONS.c.name).order_by(ORGANISATIONS.c.name))
        found = [(UUID(str(row.id)), str(row.name)) for row in rows]
    wanted = [each for each in found if not only or only in {str(each[0]), each[1]}]
    if not wanted:
        raise Missing(f"There is no organisation {only!r}.")
    return wanted


def name_of(scope: Scope) -> str:
    """Return the name of the scope's organisation."""
    return str(scope.session.scalar(select(ORGANISATIONS.c.name).where(ORGANISATIONS.c.id == scope.organisation_id)))


def write(scopes: Scopes, signer: Signer, organisation_id: UUID, name: str) -> Iterator[bytes]:
    """Yield the whole journal of an organisation as a file that proves itself; its last row is signed first."""
    with scopes.open(system_actor(organisation_id)) as scope:
        service.sign_head(scope, signer)
    with scopes.open(system_actor(organisation_id)) as scope, _whole(scope) as (checkpoints, rows):
        made_at = scope.now.isoformat(timespec="milliseconds")
        about = {"organisation": str(organisation_id), "name": name, "made_at": made_at}
        yield from transfer.written(rows, checkpoints, signer, about=about)


@contextmanager
def _whole(scope: Scope) -> Iterator[tuple[list[Checkpoint], Iterator[Link]]]:
    """Give the rows up to the newest checkpoint: what is written meanwhile belongs to the next export."""
    known = service.checkpoints(scope)
    until = max((each.sequence for each in known), default=0)
    own = select(*service.COLUMNS).where(JournalRow.organisation_id == scope.organisation_id, JournalRow.sequence <= until)
    rows = scope.session.execute(own.order_by(JournalRow.sequence).execution_options(yield_per=service.BATCH))
    try:
        yield known, iter(rows)
    finally:
        rows.close()
