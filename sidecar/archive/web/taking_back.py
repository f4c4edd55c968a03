"""Taking an unsigned study back from the reading group, and letting it go there again."""

from uuid import UUID

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.archive.web.blueprint import bp, of_study
from sidecar.assignment import queries, rules
from sidecar.assignment import taking_back as service
from sidecar.assignment.forms import TakingBack
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict
from sidecar.organisations.queries import organisation
from sidecar.studies import queries as studies
from sidecar.studies.tables import Study
from sidecar.ui.outcome import tell

NEEDS = Permission.STUDY_TAKE_BACK


@route(bp, "/studies/<uuid:study_id>/take-back", needs=NEEDS)
def take_back_page(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Show who reads it, and ask why it is taken back."""
    return _page(scope, studies.get(scope, study_id), Filled(None, {}))


@route(bp, "/studies/<uuid:study_id>/take-back", needs=NEEDS, methods=("POST",))
def take_back(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Take it back; when somebody has begun to read it, ask once more."""
    study = studies.get(scope, study_id)
    filled = read(TakingBack, request.form)
    if filled.value is None:
        return _page(scope, study, filled), 400
    try:
        with tentatively(scope):
            service.take_back(scope, study_id, **filled.value.model_dump())
    except service.BeingRead as problem:
        return _page(scope, study, filled, confirm=True), problem.status
    except Conflict as problem:
        return _page(scope, study, filled.refused("", problem.message)), problem.status
    tell("The study is yours again. Its readers no longer see it.", undo=f"/studies/{study_id}/offer-again")
    return redirect("/hospital")


@route(bp, "/studies/<uuid:study_id>/offer-again", needs=NEEDS, methods=("POST",))
def offer_again(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Let contracts give it again to whom it was taken back from."""
    reader = service.offer_again(scope, study_id).reading_organisation_id
    tell(f"{_name(scope, reader)} has it again." if reader else "No contract gives it to a group now: it waits for your own.")
    return redirect("/hospital")


def _page(scope: Scope, study: Study, filled: Filled[TakingBack], *, confirm: bool = False) -> str:
    reader = study.reading_organisation_id
    elsewhere = service.is_elsewhere(study)
    following = queries.next_reader(scope, study) if elsewhere else None
    again = None if elsewhere else queries.again(scope, study)
    return render_template(
        "archive_take_back.html",
        **of_study(scope, study, "take-back"),
        reader=_name(scope, reader) if reader and elsewhere else "",
        begun=service.what_was_begun(scope, study) if elsewhere else "",
        following=_name(scope, following) if following else "",
        again=_name(scope, again) if again else "",
        history=[(each, _name(scope, each.reading_organisation_id)) for each in queries.take_backs(scope, study)],
        why=rules.TAKE_BACK_REASONS,
        values={"reason": "", "explanation": "", **filled.values},
        errors=filled.errors,
        confirm=confirm,
    )


def _name(scope: Scope, organisation_id: UUID) -> str:
    return organisation(scope, organisation_id).organisation.name
