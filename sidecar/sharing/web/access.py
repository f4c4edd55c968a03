"""Who sees a study beside its own house: its readers and until when, viewers, people with a link."""

from uuid import UUID

from flask import current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.accounts import asking, stepup
from sidecar.archive.web.blueprint import of_study
from sidecar.gate.forms import Filled, read, tentatively
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Invalid
from sidecar.organisations import queries as organisations
from sidecar.sharing import links, people
from sidecar.sharing.forms import LinkForm, PersonForm
from sidecar.sharing.web.blueprint import bp
from sidecar.studies import access
from sidecar.ui.outcome import tell

SHARE = Permission.SHARE_MANAGE


@route(bp, "/studies/<uuid:study_id>/access", needs=SHARE)
def access_page(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Show who sees it."""
    return _page(scope, study_id, Filled(None, {}))


def _page(scope: Scope, study_id: UUID, filled: Filled[LinkForm], *, secrets: dict[str, str] | None = None) -> str:
    study = links.own_study(scope, study_id)
    shared = people.shares(scope, study)
    there = {user.id for _share, user in shared}
    reader = study.reading_organisation_id
    return render_template(
        "study_access.html",
        **of_study(scope, study, "access"),
        reader=organisations.organisation(scope, reader).organisation.name if reader else "",
        shared=shared,
        viewers=[(str(each.id), each.name) for each in people.viewers(scope) if each.id not in there],
        links=[
            (each, links.recipient_of(scope, asking.seal(), each), links.state_of(scope, each))
            for each in links.of_study(scope, study)
        ],
        values={"recipient": "", "what": "report", "days": 7, "most_views": 5, "with_code": "y", **filled.values},
        errors=filled.errors,
        secrets=secrets,
    )


@route(bp, "/studies/<uuid:study_id>/access/readers", needs=SHARE, methods=("POST",))
def let_look_again(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Let the reading group see a signed study again."""
    access.let_look_again(scope, study_id)
    tell("Its readers see the study again, for as long as after sign-off.")
    return redirect(f"/studies/{study_id}/access")


@route(bp, "/studies/<uuid:study_id>/access/people", needs=SHARE, methods=("POST",))
def share_with(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Share it with a viewer."""
    study = links.own_study(scope, study_id)
    wanted = read(PersonForm, request.form).value
    if wanted is None:
        raise Invalid("Choose somebody from the list.")
    viewer = people.share(scope, study.id, user_id=wanted.user_id)
    tell(f"{viewer.name} sees this study now.", undo=f"/studies/{study_id}/access/people/{viewer.id}/end")
    return redirect(f"/studies/{study_id}/access")


@route(bp, "/studies/<uuid:study_id>/access/people/<uuid:user_id>/end", needs=SHARE, methods=("POST",))
def unshare(scope: Scope, study_id: UUID, user_id: UUID) -> ResponseReturnValue:
    """Take it back from a viewer."""
    study = links.own_study(scope, study_id)
    people.unshare(scope, study.id, user_id=user_id)
    tell("It is no longer shared with them.", undo=f"/studies/{study_id}/access/people", user_id=str(user_id))
    return redirect(f"/studies/{study_id}/access")


@route(bp, "/studies/<uuid:study_id>/access/links", needs=SHARE, methods=("POST",))
def make_link(scope: Scope, study_id: UUID) -> ResponseReturnValue:
    """Make a link and show it with its code, this once. It lets patient data out of the house, so it asks who one is."""
    study = links.own_study(scope, study_id)
    stepup.need_fresh(scope)
    filled = read(LinkForm, request.form)
    if filled.value is None:
        return _page(scope, study_id, filled), 400
    try:
        with tentatively(scope):
            _link, token, code = links.make(scope, asking.seal(), study.id, **filled.value.model_dump())
    except Conflict as problem:
        return _page(scope, study_id, filled.refused("what", problem.message)), problem.status
    origin = current_app.extensions["readingroom.settings"].public_url
    return _page(scope, study_id, Filled(None, {}), secrets={"link": f"{origin}/shared#{token}", "code": code})


@route(bp, "/studies/<uuid:study_id>/access/links/<uuid:link_id>/revoke", needs=SHARE, methods=("POST",))
def revoke_link(scope: Scope, study_id: UUID, link_id: UUID) -> ResponseReturnValue:
    """Take a link back."""
    links.revoke(scope, study_id, link_id)
    tell("The link opens nothing any more.")
    return redirect(f"/studies/{study_id}/access")
