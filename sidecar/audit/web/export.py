"""Taking entries along: every export asks for the second factor again and is on record before its first byte leaves."""

from collections.abc import Iterator
from dataclasses import replace

from flask import Response, request, stream_with_context
from flask.typing import ResponseReturnValue

from sidecar.audit import forms, inspection, patients, queries
from sidecar.audit.events import JournalExported
from sidecar.audit.formats import FORMATS, Batch
from sidecar.audit.model import Question
from sidecar.audit.reads import digest_of
from sidecar.audit.web.blueprint import bp, signer
from sidecar.audit.web.patient import read_asked
from sidecar.gate.actor import Actor
from sidecar.gate.http import open_scope, route, scopes
from sidecar.gate.permissions import Permission
from sidecar.gate.scope import Scope
from sidecar.gate.stepup import need_fresh
from sidecar.gate.zones import viewer_zone
from sidecar.kernel.errors import Conflict, Invalid

MOST = 250_000
"""Entries of one file; the whole journal goes as a chain."""
AT_ONCE = 2000
CHAIN = "chain"


@route(bp, "/admin/audit/export", needs=Permission.AUDIT_READ, methods=("POST",))
def export(scope: Scope) -> ResponseReturnValue:
    """Send entries as ``form`` csv, json or atna, or the whole journal as chain."""
    need_fresh(scope)
    form = request.form.get("form", "")
    if form == CHAIN:
        return _chain(scope)
    if form not in FORMATS:
        raise Invalid("Choose a format from the list.")
    place, question, asked = _question(scope)
    until = min(question.until, scope.now) if question.until else scope.now
    question = replace(question, until=until)  # this export's own entry is not in it
    number = queries.count(scope, question)
    if number > MOST:
        raise Conflict(f"These are {number} entries, more than the {MOST} of one file. Narrow the days.")
    _note(scope, form, place, asked, number)
    chosen = FORMATS[form]
    lines = chosen.written(_batches(scope.actor, question))
    return _file(Response(stream_with_context(lines), mimetype=chosen.mimetype), f"audit-{scope.now:%Y%m%d-%H%M}.{chosen.suffix}")


def _question(scope: Scope) -> tuple[str, Question, dict[str, str]]:
    """Return which page's entries are wanted, and how that is put on record."""
    if request.form.get("patient_id"):
        asked = read_asked(scope, request.form)
        return f"a patient: {asked.view}", asked.question, {"patient_id": asked.patient_id}
    if request.form.get("study"):
        study = patients.study(scope, forms.read_id(request.form["study"]))
        return "a study's timeline", Question(studies=(study.id,)), {"study": str(study.id)}
    filters = forms.read_filters(request.form, viewer_zone())
    if filters.errors:
        raise Invalid(next(iter(filters.errors.values())))
    return "journal", filters.question, filters.narrowing


def _batches(actor: Actor, question: Question) -> Iterator[Batch]:
    """Read the entries piece by piece, each in a short transaction of its own, inside the same walls."""
    after = None
    while True:
        with open_scope(actor) as scope:
            rows = queries.page(scope, question, after=after, limit=AT_ONCE + 1)
            shown = rows[:AT_ONCE]
            batch = list(zip(shown, queries.entries(scope, shown), strict=True))
        yield batch
        after = queries.following(rows, AT_ONCE)
        if after is None:
            return


def _chain(scope: Scope) -> Response:
    _note(scope, CHAIN, "journal", {}, 0)
    name = inspection.name_of(scope)
    lines = inspection.write(scopes(), signer(), scope.organisation_id, name)
    return _file(Response(stream_with_context(lines), mimetype="application/x-ndjson"), f"journal-{scope.now:%Y%m%d-%H%M}.jsonl")


def _note(scope: Scope, form: str, place: str, asked: dict[str, str], rows: int) -> None:
    digest = digest_of(scope, place, asked) if asked else ""
    organisation_id = scope.organisation_id
    scope.emit(
        JournalExported(organisation_id=organisation_id, form=form, place=place, filters=sorted(asked), rows=rows, asked=digest)
    )


def _file(response: Response, name: str) -> Response:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
