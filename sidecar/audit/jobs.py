"""What the worker does for every journal: sign its head, check it daily, remove what is too old."""

from datetime import timedelta
from uuid import UUID

import structlog

from sidecar.audit import anchors, forgetting, service
from sidecar.audit.checkpoints import Checkpoint, Signer
from sidecar.audit.events import JournalBroken
from sidecar.gate.actor import system_actor
from sidecar.gate.machine import Workshop, everybody

LOG = structlog.get_logger("journal")
CHECKED_EVERY = timedelta(hours=20)


def sign_checkpoints(workshop: Workshop) -> None:
    """Sign the last row of every journal that has grown, in the database and outside it."""
    for organisation_id in everybody(workshop.scopes):
        sign_checkpoint(workshop, organisation_id)


def check_chains(workshop: Workshop) -> None:
    """Verify every journal once a day; what does not verify is put on record and raises an alert there."""
    for organisation_id in everybody(workshop.scopes):
        check_chain(workshop, organisation_id)


def forget_old(workshop: Workshop) -> None:
    """Remove rows that are older than their organisation keeps them."""
    for organisation_id in everybody(workshop.scopes):
        forget_in(workshop, organisation_id)


def sign_checkpoint(workshop: Workshop, organisation_id: UUID) -> None:
    """Sign one journal's last row."""
    with workshop.scopes.open(system_actor(organisation_id)) as scope:
        made = service.sign_head(scope, _signer(workshop))
    _keep(workshop, made)


def check_chain(workshop: Workshop, organisation_id: UUID) -> None:
    """Verify one journal, if its last check is a day old."""
    with workshop.scopes.open(system_actor(organisation_id)) as scope:
        checked_at = service.known_keeping(scope).checked_at
        if checked_at is not None and checked_at > scope.now - CHECKED_EVERY:
            return
        outside = anchors.kept(workshop.settings.checkpoints_dir, organisation_id)
        verdict = service.verify(scope, _signer(workshop).verifier, outside=outside)
        if service.note_check(scope, verdict, at=scope.now):
            said = "; ".join(verdict.faults)
            scope.emit(JournalBroken(organisation_id=organisation_id, rows=verdict.rows, verdict=said))
            LOG.critical("a journal does not verify", organisation=str(organisation_id), faults=list(verdict.faults))


def forget_in(workshop: Workshop, organisation_id: UUID) -> None:
    """Remove what is too old in one journal."""
    with workshop.scopes.open(system_actor(organisation_id)) as scope:
        beginning = forgetting.forget(scope, _signer(workshop))
    _keep(workshop, beginning)


def _keep(workshop: Workshop, made: Checkpoint | None) -> None:
    """Keep a checkpoint outside, once it stands in the database."""
    if made is not None:
        anchors.keep(workshop.settings.checkpoints_dir, made)
        LOG.info("checkpoint", organisation=str(made.organisation_id), sequence=made.sequence, hash=made.hash.hex())


def _signer(workshop: Workshop) -> Signer:
    return Signer.from_pem(workshop.settings.secret("checkpoint_key.pem"))
