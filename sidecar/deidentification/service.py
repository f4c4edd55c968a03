"""Asking for an export, deciding about held images, taking and cancelling. The worker's part is in ``jobs``."""

import secrets
from collections.abc import Collection, Sequence
from uuid import UUID, uuid4

from sqlalchemy import select, update

from sidecar.adapters.seals import Seal
from sidecar.deidentification import policy, queries
from sidecar.deidentification.events import ExportDownloaded, ExportFinished, ImagesReviewed, StudyExportAsked
from sidecar.deidentification.model import SHUT, Decision, ExportState, Option, Rectangle
from sidecar.deidentification.tables import Export, ExportedStudy, HeldInstance, Project
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied, Invalid, Missing
from sidecar.studies import queries as studies
from sidecar.studies.model import Arrival
from sidecar.studies.tables import Instance
from sidecar.vault import service as vault

MOST_STUDIES = 200
LARGEST_SIDE = 65_536
"""Pixels; Rows and Columns are 16-bit numbers."""
UNDONE = (ExportState.WAITING, ExportState.WORKING, ExportState.HELD)


def project_key_place(project_id: UUID) -> str:
    """Return where a project's sealed key belongs (see ``vault``)."""
    return f"deidentification_projects|{project_id}|key"


def ask(  # noqa: PLR0913 - each is one choice on the form
    scope: Scope,
    study_ids: Sequence[UUID],
    *,
    project: str,
    options: Collection[Option],
    hold_heads: bool,
    reason: str,
    seal: Seal,
) -> Export:
    """Ask for an anonymised export of own studies; the worker makes it.

    Missing when any of the studies is not the actor's to see, Conflict when one is still arriving.
    """
    wanted = [studies.get(scope, study_id) for study_id in dict.fromkeys(study_ids)]
    if any(study.organisation_id != scope.organisation_id for study in wanted):
        raise Missing  # what is only read for another is the other's to give away
    if not 0 < len(wanted) <= MOST_STUDIES:
        raise Invalid(f"Choose between one and {MOST_STUDIES} studies.")
    if any(study.arrival != Arrival.COMPLETE for study in wanted):
        raise Conflict("Images of one of these studies are still arriving. Ask again in a few minutes.")
    export = Export(
        organisation_id=scope.organisation_id,
        id=uuid4(),
        project_id=_project(scope, project, seal).id,
        user_id=scope.user_id,
        user_name=scope.actor.name,
        reason=reason,
        options=sorted(options),
        hold_heads=hold_heads,
        state=ExportState.WAITING,
        total=sum(study.instance_count for study in wanted),
        next_at=scope.now,
        created_at=scope.now,
    )
    scope.session.add(export)
    scope.session.flush()
    for position, study in enumerate(wanted, start=1):
        scope.session.add(
            ExportedStudy(organisation_id=scope.organisation_id, export_id=export.id, study_id=study.id, position=position)
        )
        scope.emit(
            StudyExportAsked(
                organisation_id=scope.organisation_id, study_id=study.id, export_id=export.id, options=list(export.options)
            )
        )
    scope.session.flush()
    return export


def _project(scope: Scope, name: str, seal: Seal) -> Project:
    """Return the project of this name, made with a new key when it is new."""
    found = scope.session.scalars(select(Project).where(Project.name == name)).one_or_none()
    if found is None:
        new = uuid4()
        owner = scope.organisation_id
        sealed = vault.close(scope, seal, owner, secrets.token_bytes(32), place=project_key_place(new))
        found = Project(organisation_id=owner, id=new, name=name, key_sealed=sealed, created_at=scope.now)
        scope.session.add(found)
        scope.session.flush()
    return found


def decide(
    scope: Scope, export_id: UUID, orthanc_ids: Collection[str], *, decision: Decision, masks: Sequence[Rectangle] = ()
) -> int:
    """Decide about held images; return how many are still to be looked at. With the last one the worker goes on."""
    export = _locked(scope, export_id)
    if not policy.may_review(scope.actor):
        raise Denied("Held images are looked at by your managers.")
    if export.state != ExportState.HELD:
        raise Conflict("This export is not waiting for a decision any more.")
    if decision is Decision.MASK and not masks:
        raise Invalid("Draw at least one rectangle over what must go.")
    images = {each.held.orthanc_id: each for each in queries.held(scope, export_id)}
    if not orthanc_ids or not images.keys() >= set(orthanc_ids):
        raise Missing
    held = {name: each.held for name, each in images.items()}
    chosen = [held[each] for each in dict.fromkeys(orthanc_ids)]
    if any(_outside(mask, images[each.orthanc_id].instance) for mask in masks for each in chosen):
        raise Invalid("A rectangle lies outside of the picture.")
    if decision is not Decision.DROP and any(SHUT & set(each.risks) for each in chosen):
        raise Conflict("Documents and objects that cannot be read cannot be cleaned: they can only be left out.")
    for each in chosen:
        each.decision = decision
        each.masks = [[mask.left, mask.top, mask.right, mask.bottom] for mask in masks] if decision is Decision.MASK else []
        each.decided_by_name, each.decided_at = scope.actor.name, scope.now
    for study_id in sorted({each.study_id for each in chosen}):
        count = sum(each.study_id == study_id for each in chosen)
        scope.emit(
            ImagesReviewed(
                organisation_id=scope.organisation_id, study_id=study_id, export_id=export_id, decision=decision, images=count
            )
        )
    return sum(not each.decision for each in held.values())


def _outside(mask: Rectangle, instance: Instance) -> bool:
    return mask.left >= (instance.columns or LARGEST_SIDE) or mask.top >= (instance.rows or LARGEST_SIDE)


def resume(scope: Scope, export_id: UUID) -> None:
    """Let the worker go on with what was decided; Conflict while an image is still undecided."""
    export = _locked(scope, export_id)
    if not policy.may_review(scope.actor):
        raise Denied("Held images are looked at by your managers.")
    if export.state != ExportState.HELD or any(not each.decision for each in _held(scope, export_id)):
        raise Conflict("Some images still wait for a decision.")
    export.state, export.next_at, export.done, export.attempts = ExportState.WAITING, scope.now, 0, 0


def cancel(scope: Scope, export_id: UUID) -> None:
    """Stop an export, or throw its file away; who asked for it only."""
    export = _mine(scope, export_id)
    if export.state not in {*UNDONE, ExportState.READY}:
        raise Conflict("This export has already ended.")
    export.state, export.finished_at = ExportState.CANCELLED, scope.now
    scope.emit(_finished(export))


def download(scope: Scope, export_id: UUID) -> Export:
    """Return the finished export that the actor asked for, and put on record that the file was taken."""
    export = _mine(scope, export_id)
    if export.state != ExportState.READY or export.expires_at is None or export.expires_at <= scope.now:
        raise Conflict("There is no file: the export is not finished, or its time is over.")
    scope.emit(ExportDownloaded(organisation_id=scope.organisation_id, export_id=export.id, size_bytes=export.size_bytes))
    return export


def finish(scope: Scope, export_id: UUID, state: ExportState, **facts: object) -> bool:
    """Bring a WORKING export to its next state; False when it is not being worked on any more (cancelled meanwhile)."""
    changed = update(Export).where(Export.id == export_id, Export.state == ExportState.WORKING)
    done = scope.session.execute(changed.values(state=state, **facts).returning(Export.id)).one_or_none()
    if done is None:
        return False
    if state is not ExportState.WAITING:
        export = scope.session.scalars(select(Export).where(Export.id == export_id)).one()
        scope.session.refresh(export)
        scope.emit(_finished(export))
    return True


def _finished(export: Export) -> ExportFinished:
    return ExportFinished(
        organisation_id=export.organisation_id,
        export_id=export.id,
        result=export.state,
        images=export.done,
        left_out=export.left_out,
    )


def _locked(scope: Scope, export_id: UUID) -> Export:
    queries.get(scope, export_id)
    found: Export = scope.one(
        select(Export).where(Export.id == export_id).with_for_update().execution_options(populate_existing=True)
    )
    return found


def _mine(scope: Scope, export_id: UUID) -> Export:
    export = _locked(scope, export_id)
    if not policy.may_take(scope.actor, export):
        raise Missing
    return export


def _held(scope: Scope, export_id: UUID) -> Sequence[HeldInstance]:
    return scope.session.scalars(select(HeldInstance).where(HeldInstance.export_id == export_id)).all()
