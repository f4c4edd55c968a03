"""Write, save, sign. A draft is never lost, a signature never moves, a signed version never changes."""

from typing import Any, TypedDict, cast
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, CursorResult, select, update

from sidecar.accounts.signing import Proof, verify_signature
from sidecar.assignment import service as assignment
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Conflict, Denied, Unauthenticated
from sidecar.reports import events, identification, policy, queries, rules, versions
from sidecar.reports.errors import SignatureRefused, StaleDraft
from sidecar.reports.model import SECTIONS, ReportStatus
from sidecar.reports.tables import Report, ReportVersion
from sidecar.studies import queries as studies
from sidecar.studies.model import Status
from sidecar.studies.tables import Study


class About(TypedDict):
    """What every event of a report says first."""

    organisation_id: UUID
    study_id: UUID
    reading_organisation_id: UUID | None


def open_report(scope: Scope, study_id: UUID) -> Report:
    """Return the study's one report, ready to be written by the actor: the study is locked for them.

    Raises Denied when it is read elsewhere, Conflict when another person holds the lock or the report is signed.
    """
    study = studies.get(scope, study_id)
    if not policy.writes_reports_of(scope.actor, study):
        raise Denied("This study is read by another organisation.")
    report = _of_study_locked(scope, study.id)
    if report is not None and report.status == ReportStatus.FINAL:
        raise Conflict("This report is signed and does not change any more.")
    assignment.lock(scope, study.id)
    if report is None:
        report = _new_report(scope, study)
    elif report.author_id != scope.user_id:
        _take_over(scope, report)
    else:
        note_draft(scope, report, form="draft")
        return report
    scope.emit(events.ReportOpened(**about(report), report_id=report.id))
    return report


def save_draft(scope: Scope, report_id: UUID, *, sections: Any, revision: int) -> Report:
    """Store the text if ``revision`` is the newest; StaleDraft brings the newer text otherwise.

    The same text sent twice is saved once: a browser that never heard the answer may ask again.
    """
    text = rules.clean_sections(sections)
    report = _for_writing(scope, report_id)
    if report.sections == text:
        return report
    if report.revision != revision:
        raise StaleDraft(
            sections=report.sections,
            revision=report.revision,
            saved_by=report.author_name,
            saved_at=report.updated_at,
        )
    told = rules.worth_a_line(report.updated_at, scope.now, first=report.revision == 0)
    report.sections, report.revision, report.updated_at = text, report.revision + 1, scope.now
    scope.session.flush()
    if told:
        scope.emit(events.ReportSaved(**about(report), report_id=report.id, revision=report.revision))
    return report


def sign(scope: Scope, report_id: UUID, *, proof: Proof, meaning: Any, revision: int) -> ReportVersion:
    """Make the draft a signed, immutable version: rules first, then the signer's proof, then one row and its PDF.

    Raises Conflict when it may not be signed (the code is not used up then), SignatureRefused when the proof fails.
    """
    stated = rules.clean_meaning(meaning)
    report = _for_writing(scope, report_id)
    study = studies.get(scope, report.study_id)
    _refuse_unready(report, study, revision)
    content = rules.sign_content(
        identification.snapshot(scope, report, study, version=1),
        report.sections,
        signer=prove_signer(scope, proof),
        at=scope.now,
        meaning=stated,
    )
    version = versions.write(scope, proof.seal, report, content)
    _finish(scope, report, study)
    scope.emit(
        events.ReportSigned(
            **about(report),
            report_id=report.id,
            version=version.version,
            content_hash=version.content_hash,
            pdf_hash=version.pdf_hash,
        )
    )
    return version


def prove_signer(scope: Scope, proof: Proof) -> dict[str, str]:
    """Return who signs, as a signature names them; SignatureRefused in words for them when the proof fails."""
    try:
        signer = verify_signature(scope, proof)
    except Unauthenticated as refused:
        raise SignatureRefused(refused.message) from refused
    return {"signer_id": str(signer.id), "signer_name": signer.name}


def read_version(scope: Scope, report_id: UUID, number: int | None = None, *, form: str) -> ReportVersion:
    """Return a signed version for somebody's eyes and put the reading on record. ``form`` is screen or pdf."""
    version = queries.version(scope, report_id, number)
    report = queries.get(scope, report_id)
    scope.emit(events.ReportRead(**about(report), report_id=report_id, version=version.version, form=form))
    return version


def note_draft(scope: Scope, report: Report, *, form: str) -> None:
    """Put on record that the actor was shown what is not signed yet: version 0."""
    scope.emit(events.ReportRead(**about(report), report_id=report.id, version=0, form=form))


def _refuse_unready(report: Report, study: Study, revision: int) -> None:
    if report.revision != revision:
        raise Conflict("The draft changed after you looked at it. Read it again before signing.")
    checks = rules.checks(
        arrival=study.arrival, instance_count=study.instance_count, sections=report.sections, status=report.status
    )
    failed = [check.text for check in checks if not check.passed]
    if failed:
        raise Conflict(f"Not signed. {'. '.join(failed)}.")


def refuse_kept(scope: Scope, *which: ColumnElement[bool]) -> None:
    """Tell its writer of a draft that nobody can finish where it is."""
    unfinished = queries.kept(scope, *which)
    if unfinished is not None:
        raise Conflict(f"Your group no longer reads this study. What was saved is kept: /reports/{unfinished.id}.")


def _of_study_locked(scope: Scope, study_id: UUID) -> Report | None:
    """Return the study's report, or the organisation's draft, under a row lock.

    The study's own row goes first, so that two openers make one report.
    """
    fresh = {"populate_existing": True}
    scope.one(select(Study).where(Study.id == study_id).with_for_update().execution_options(**fresh))
    found = select(Report).where(Report.study_id == study_id).order_by(queries.SIGNED_FIRST).limit(1)
    return scope.session.scalars(found.with_for_update().execution_options(**fresh)).one_or_none()


def _for_writing(scope: Scope, report_id: UUID) -> Report:
    """Return a draft the actor may change now; Denied, Conflict or Missing otherwise. Their lock is renewed."""
    refuse_kept(scope, Report.id == report_id)
    study = studies.get(scope, queries.get(scope, report_id).study_id)
    if not policy.writes_reports_of(scope.actor, study):
        raise Denied("This study is read by another organisation.")
    report = _of_study_locked(scope, study.id)
    if report is None or report.status == ReportStatus.FINAL:
        raise Conflict("This report is signed and does not change any more.")
    assignment.lock(scope, study.id)
    if report.author_id != scope.user_id:
        raise Conflict(f"{report.author_name} writes this report now. Open it again to go on with it.")
    return report


def _new_report(scope: Scope, study: Study) -> Report:
    report = Report(
        organisation_id=study.organisation_id,
        id=uuid4(),
        study_id=study.id,
        reading_organisation_id=study.reading_organisation_id,
        status=ReportStatus.DRAFT.value,
        author_id=scope.user_id,
        author_organisation_id=scope.organisation_id,
        author_name=scope.actor.name,
        sections={section.value: "" for section in SECTIONS},
        revision=0,
        created_at=scope.now,
        updated_at=scope.now,
    )
    scope.session.add(report)
    scope.session.flush()
    return report


def _take_over(scope: Scope, report: Report) -> None:
    """Go on with what a colleague began and left. The text stays; who writes from now on is on record."""
    report.author_id, report.author_name = scope.user_id, scope.actor.name
    scope.session.flush()


def _finish(scope: Scope, report: Report, study: Study) -> None:
    """The report becomes final and the study leaves the worklist; each transition changes exactly one row."""
    draft = update(Report).where(Report.id == report.id, Report.status == ReportStatus.DRAFT)
    unfinished = update(Study).where(Study.id == study.id, Study.status != Status.FINAL)
    values = {"status": Status.FINAL, "signed_at": scope.now, "lock_user_id": None, "lock_user_name": "", "lock_until": None}
    for change in (draft.values(status=ReportStatus.FINAL, updated_at=scope.now), unfinished.values(**values)):
        if cast("CursorResult[None]", scope.session.execute(change)).rowcount != 1:
            raise Conflict("This report is signed and does not change any more.")


def about(report: Report) -> About:
    """Return what an event of this report says first."""
    return {
        "organisation_id": report.organisation_id,
        "study_id": report.study_id,
        "reading_organisation_id": report.reading_organisation_id,
    }
