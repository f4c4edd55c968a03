"""Handing the journal over, in its order: read, send, and only then remember. A crash between the two sends twice, never not."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select

from sidecar.adapters.collectors import Collector, FhirCollector, Unheard, send_syslog
from sidecar.adapters.outbound import OwnGround
from sidecar.adapters.seals import Seal
from sidecar.alerts import fhir, syslog
from sidecar.alerts.forwarding import Target, bearer, identity, pause
from sidecar.alerts.tables import Forwarding
from sidecar.audit.atna import Record, record
from sidecar.gate.actor import platform_system, system_actor
from sidecar.gate.machine import Owed, Workshop, owing
from sidecar.gate.scope import Scopes
from sidecar.kernel.journal import JournalRow

LOG = structlog.get_logger("forwarding")
BATCH = {Target.SYSLOG: 500, Target.FHIR: 50}
"""Entries read at once; a FHIR server answers each."""
ROUNDS = 10
"""Batches of one collector in one go: others wait."""
AT_ONCE = 8
"""Collectors called at one time: one that does not answer holds up nobody else."""
LEASE = timedelta(minutes=2)
"""So long what was read is being sent; after that another process may try. Longer than a batch may take."""


@dataclass(frozen=True, slots=True)
class Load:
    """What goes to a collector next: everything after ``after``, up to the last of ``records``."""

    organisation_id: UUID
    target: Target
    collector: Collector
    path: str
    bearer: str
    after: int
    records: Sequence[Record]


def forward_journal(workshop: Workshop) -> None:
    """Send what is due to every collector that is set."""
    ground, host = OwnGround.of(workshop.settings), workshop.settings.dicom_host
    behind = owing(workshop.scopes, Owed.FORWARDING)
    with workshop.scopes.open(platform_system()) as scope:
        due = select(Forwarding.organisation_id, Forwarding.target).where(
            Forwarding.organisation_id.in_(behind), Forwarding.next_try_at <= scope.now
        )
        todo = scope.session.execute(due.order_by(Forwarding.next_try_at)).all()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="forwarding") as pool:
        for future in [
            pool.submit(ship, workshop.scopes, workshop.seal, row.organisation_id, Target(row.target), ground=ground, host=host)
            for row in todo
        ]:
            future.result()


def ship(  # noqa: PLR0913 - whose, where, from where
    scopes: Scopes, seal: Seal, organisation_id: UUID, target: Target, *, ground: OwnGround, host: str
) -> int:
    """Send one organisation's entries to one collector until none is left or it does not listen; return how many were taken."""
    taken = 0
    for _ in range(ROUNDS):
        load = _take_load(scopes, seal, organisation_id, target, ground)
        if load is None:
            return taken
        try:
            _send(load, host=host)
        except Unheard as fault:
            _note(scopes, load, fault.taken, error=str(fault))
            LOG.warning("a collector does not listen", organisation=str(organisation_id), target=target.value, reason=str(fault))
            return taken + fault.taken
        _note(scopes, load, len(load.records))
        taken += len(load.records)
    return taken


def _take_load(scopes: Scopes, seal: Seal, organisation_id: UUID, target: Target, ground: OwnGround) -> Load | None:
    """Read what is next and take it for a while; None when nothing is, or another process has it."""
    with scopes.open(system_actor(organisation_id)) as scope:
        mine = (Forwarding.organisation_id == organisation_id, Forwarding.target == target.value)
        due = select(Forwarding).where(*mine, Forwarding.next_try_at <= scope.now).with_for_update(skip_locked=True)
        row = scope.session.scalars(due).one_or_none()
        if row is None:
            return None
        ahead = (JournalRow.organisation_id == organisation_id, JournalRow.sequence > row.sequence)
        rows = scope.session.scalars(select(JournalRow).where(*ahead).order_by(JournalRow.sequence).limit(BATCH[target])).all()
        if not rows:
            return None
        row.next_try_at = scope.now + LEASE
        return Load(
            organisation_id=organisation_id,
            target=target,
            collector=Collector(row.host, row.port, row.authority, ground, identity(scope, seal, row)),
            path=row.path,
            bearer=bearer(scope, seal, row),
            after=row.sequence,
            records=[record(each) for each in rows],
        )


def _send(load: Load, *, host: str) -> None:
    senders: dict[Target, Callable[[], None]] = {
        Target.SYSLOG: lambda: send_syslog(load.collector, [syslog.frame(each, host=host) for each in load.records]),
        Target.FHIR: lambda: _post_each(load),
    }
    senders[load.target]()


def _post_each(load: Load) -> None:
    with FhirCollector(load.collector, load.path, load.bearer) as server:
        for taken, each in enumerate(load.records):
            try:
                server.post(json.dumps(fhir.audit_event(each)).encode(), fhir.MEDIA_TYPE)
            except Unheard as fault:
                raise Unheard(str(fault), taken) from fault


def _note(scopes: Scopes, load: Load, taken: int, *, error: str = "") -> None:
    """Remember how far it came, unless somebody set the forwarding anew meanwhile."""
    with scopes.open(system_actor(load.organisation_id)) as scope:
        mine = (Forwarding.organisation_id == load.organisation_id, Forwarding.target == load.target.value)
        row = scope.session.scalars(select(Forwarding).where(*mine).with_for_update()).one_or_none()
        if row is None or row.sequence != load.after:
            return
        row.sequence = load.records[taken - 1].sequence if taken else load.after
        row.attempts = row.attempts + 1 if error else 0
        row.last_error = error
        row.next_try_at = scope.now + pause(row.attempts) if error else scope.now
        row.delivered_at = scope.now if taken else row.delivered_at
