"""The lists of this room: downloads and transfers, deleted studies, studies past their retention period."""

from uuid import UUID

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sidecar.archive import queries, rules, service
from sidecar.archive.forms import RetentionForm
from sidecar.archive.model import OPEN
from sidecar.archive.web.blueprint import bp, of_list
from sidecar.audit.reads import note_list
from sidecar.gate.actor import Role
from sidecar.gate.fields import seen
from sidecar.gate.forms import Filled, read
from sidecar.gate.http import route
from sidecar.gate.permissions import Permission, permissions_of
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Denied
from sidecar.ui.outcome import tell


@route(bp, "/archive/jobs", needs=Permission.JOB_READ)
def jobs(scope: Scope) -> ResponseReturnValue:
    """Show one's own downloads and transfers; a technician sees those of all colleagues."""
    found = queries.jobs(scope)
    note_list(scope, "downloads and transfers", {}, len(found), refresh="HX-Request" in request.headers)
    shown = {
        "jobs": found,
        "live": any(each.job.state in OPEN for each in found),
        "colleagues": scope.actor.role is Role.TECHNICIAN,
        "problems": rules.PROBLEMS,
    }
    if "HX-Request" in request.headers:
        return render_template("_archive_jobs.html", **shown)
    return render_template("archive_jobs.html", **shown, **of_list(scope, "jobs"))


@route(bp, "/archive/jobs/<uuid:job_id>/cancel", needs=Permission.JOB_READ, methods=("POST",))
def cancel_job(scope: Scope, job_id: UUID) -> ResponseReturnValue:
    """Stop one."""
    service.cancel(scope, job_id)
    return redirect("/archive/jobs")


@route(bp, "/archive/jobs/<uuid:job_id>/repeat", needs=Permission.JOB_READ, methods=("POST",))
def repeat_job(scope: Scope, job_id: UUID) -> ResponseReturnValue:
    """Try one again."""
    service.repeat(scope, job_id)
    return redirect("/archive/jobs")


@route(bp, "/archive/deleted", needs=Permission.DELETION_READ)
def deleted(scope: Scope) -> ResponseReturnValue:
    """Show what was deleted, by whom and why, and what can be brought back."""
    found = queries.deletions(scope)
    note_list(scope, "deleted studies", {}, len(found))
    return render_template("archive_deleted.html", deletions=found, **of_list(scope, "deleted"))


@route(bp, "/archive/deleted/<uuid:deletion_id>/undo", needs=Permission.STUDY_DELETE, methods=("POST",))
def undo_deletion(scope: Scope, deletion_id: UUID) -> ResponseReturnValue:
    """Have a study put back."""
    service.undo(scope, deletion_id)
    tell("The study is coming back: as soon as the archive has all its images again, within seconds.")
    return redirect("/archive/deleted")


@route(bp, "/archive/deleted/<uuid:deletion_id>/erase", needs=Permission.STUDY_DELETE, methods=("POST",))
def erase_now(scope: Scope, deletion_id: UUID) -> ResponseReturnValue:
    """Do not wait any longer."""
    service.erase_now(scope, deletion_id)
    tell("Its images are being removed.")
    return redirect("/archive/deleted")


@route(bp, "/archive", needs=Permission.SIGNED_IN)
def archive_home(scope: Scope) -> ResponseReturnValue:
    """Show the first list the role may see."""
    held = permissions_of(scope.actor)
    if Permission.JOB_READ in held:
        return jobs(scope)
    if Permission.DELETION_READ in held:
        return deleted(scope)
    raise Denied("Your role has nothing to do here.")


@route(bp, "/archive/retention", needs=Permission.RETENTION_MANAGE)
def retention(scope: Scope) -> ResponseReturnValue:
    """Show how long studies are kept, and which need not be any longer."""
    return _retention(scope, Filled(None, {}))


@route(bp, "/archive/retention", needs=Permission.RETENTION_MANAGE, methods=("POST",))
def set_retention(scope: Scope) -> ResponseReturnValue:
    """Keep studies for another number of years."""
    filled = read(RetentionForm, request.form)
    if filled.value is None:
        return _retention(scope, filled), 400
    service.set_retention(scope, years=filled.value.years)
    tell(f"Studies are kept for {filled.value.years} years now.")
    return redirect("/archive/retention")


def _retention(scope: Scope, filled: Filled[RetentionForm]) -> str:
    years = queries.retention_years(scope)
    total, studies = queries.past_retention(scope, today=scope.now.date())
    note_list(scope, "studies past their retention", {}, len(studies))
    return render_template(
        "archive_retention.html",
        years=filled.values.get("years", years),
        errors=filled.errors,
        total=total,
        studies=[seen(scope.actor, each) for each in studies],
        **of_list(scope, "retention"),
    )
