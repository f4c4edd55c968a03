"""When X happened, then Y. Calls only, one screen: who reacts to what is read here and nowhere else."""

from collections.abc import Callable
from typing import Any

from sidecar.accounts.events import SignedOut
from sidecar.alerts.model import Kind
from sidecar.alerts.service import raise_alert, settle
from sidecar.archive import service as archive
from sidecar.archive.events import StudyDamaged
from sidecar.assignment.events import StudyAssigned
from sidecar.gate.scope import Event, Scope
from sidecar.notifications.service import notify
from sidecar.orders.events import OrderAdded, OrderChanged
from sidecar.reports.events import ReportSigned
from sidecar.sharing.events import GlassBroken, GlassOverdue, GlassReviewed
from sidecar.studies import access, contexts, queries, requests
from sidecar.studies import service as studies
from sidecar.studies.events import InstancesArrived, StudyArrived, StudyCompleted, StudyRouted
from sidecar.studies.model import Priority

URGENCY = {Priority.STAT: "a STAT", Priority.URGENT: "an urgent", Priority.ROUTINE: "a routine"}


def _route(scope: Scope, happened: StudyArrived | InstancesArrived) -> None:
    if happened.study_id is not None:
        studies.route(scope, happened.study_id)


def _lend_priors(scope: Scope, happened: StudyArrived | StudyRouted) -> None:
    if happened.study_id is not None:
        access.lend_priors(scope, happened.study_id)


def _end_reading(scope: Scope, happened: ReportSigned) -> None:
    if happened.study_id is not None:
        access.end_reading(scope, happened.study_id)


def _find_order(scope: Scope, happened: StudyArrived | InstancesArrived) -> None:
    if happened.study_id is not None:
        requests.find_order(scope, happened.study_id)


def _complete_order(scope: Scope, happened: StudyCompleted) -> None:
    if happened.study_id is not None:
        requests.complete_order(scope, happened.study_id)


def _find_studies(scope: Scope, happened: OrderAdded | OrderChanged) -> None:
    requests.find_studies(scope, happened.order_id)


def _bring_back(scope: Scope, happened: InstancesArrived) -> None:
    if happened.study_id is not None:
        archive.bring_back(scope, happened.study_id)


def _alert_glass(scope: Scope, happened: GlassBroken) -> None:
    if happened.organisation_id == scope.actor.organisation_id:  # of the platform's, the worker reads in the hospital's journal
        facts = {"user_id": scope.user_id, "subject": happened.glass_id, "minutes": happened.minutes}
        raise_alert(scope, organisation_id=happened.organisation_id, kind=Kind.BREAK_GLASS, facts=facts)


def _alert_unreviewed(scope: Scope, happened: GlassOverdue) -> None:
    facts = {"subject": happened.glass_id, "days": happened.days} | ({"user_id": happened.user_id} if happened.user_id else {})
    raise_alert(scope, organisation_id=happened.organisation_id, kind=Kind.GLASS_UNREVIEWED, facts=facts, remind=True)


def _settle_glass(scope: Scope, happened: GlassReviewed) -> None:
    kinds = (Kind.BREAK_GLASS, Kind.GLASS_UNREVIEWED)
    settle(scope, kinds=kinds, subject=str(happened.glass_id), note=f"Reviewed: {happened.verdict.value.replace('-', ' ')}.")


def _alert_damage(scope: Scope, happened: StudyDamaged) -> None:
    facts = {"subject": happened.study_id, "study": happened.study_id, "count": happened.altered + happened.missing}
    raise_alert(scope, organisation_id=happened.organisation_id, kind=Kind.IMAGES_DAMAGED, facts=facts)


def _tell_reader(scope: Scope, happened: StudyAssigned) -> None:
    if happened.study_id is not None and happened.assignee_id != scope.user_id:
        study = queries.get(scope, happened.study_id)
        notify(
            scope, organisation_id=scope.organisation_id, user_id=happened.assignee_id, kind="study-assigned",
            text=f"{scope.actor.name} gave you {URGENCY[Priority(study.priority)]} study to read.", href=f"/reading/{study.id}",
        )  # fmt: skip


def _close_contexts(scope: Scope, _happened: SignedOut) -> None:
    contexts.close_contexts(scope)


REACTIONS: dict[type[Event], tuple[Callable[[Scope, Any], None], ...]] = {
    StudyArrived: (_route, _lend_priors, _find_order),
    StudyRouted: (_lend_priors,),
    StudyAssigned: (_tell_reader,),
    ReportSigned: (_end_reading,),
    # The first images may have been of a modality nobody reads; arrival may prove earlier.
    InstancesArrived: (_route, _find_order, _bring_back),
    StudyCompleted: (_complete_order,),
    OrderAdded: (_find_studies,),  # images may come before their order is written down
    OrderChanged: (_find_studies,),
    GlassBroken: (_alert_glass,),
    GlassOverdue: (_alert_unreviewed,),
    GlassReviewed: (_settle_glass,),
    StudyDamaged: (_alert_damage,),
    SignedOut: (_close_contexts,),
}


def react(scope: Scope, happened: Event) -> None:
    """Let everything that follows from an event happen in the same transaction."""
    for follow in REACTIONS.get(type(happened), ()):
        follow(scope, happened)
