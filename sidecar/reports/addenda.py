"""Add to a signed report: write, save, sign or throw away. What was signed stays; each signed addendum makes the next version.

An addendum is written by the organisation that signed, while it sees the study (``studies.access``). One is open at a time: its
author holds it as long as their page lives; after that a colleague may take it over, text and all.
"""

from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, select, update

from sidecar.accounts.signing import Proof
from sidecar.assignment.rules import LOCK
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Changed, Conflict, Denied
from sidecar.reports import events, policy, queries, rules, versions
from sidecar.reports.errors import StaleAddendum
from sidecar.reports.model import Purpose, ReportStatus
from sidecar.reports.service import about, prove_signer
from sidecar.reports.tables import Addendum, Report, ReportVersion
from sidecar.studies import queries as studies
from sidecar.studies.tables import Study

SIGNED = "This addendum is signed and does not change any more."


def hindrance(scope: Scope, report: Report) -> str:
    """Return why the actor may not add to a report they see, in words, or "" when they may."""
    if not policy.writes_addenda_to(scope.actor, report):
        return "This report was signed by another organisation. Its radiologists add to it."
    if report.status != ReportStatus.FINAL:
        return "This report is not signed yet: change the report itself."
    if studies.find(scope, report.study_id) is None:
        return "Your access to this study has ended, or its images were deleted. Ask the hospital to let you see it again."
    return ""


def open_addendum(scope: Scope, report_id: UUID) -> Addendum:
    """Return the report's open addendum, ready to be written by the actor: a new one, their own, or one that a colleague left.

    Raises Denied when the report is not theirs to add to, Conflict while a colleague writes.
    """
    report = _report(scope, report_id)
    addendum = queries.open_addendum(scope, report_id)
    if addendum is not None and addendum.author_id == scope.user_id:
        _hold(scope, addendum)
        return addendum
    if addendum is None:
        addendum = _new(scope, report)
    elif held_by_other(scope, addendum):
        raise Conflict(f"{addendum.author_name} is writing an addendum right now.")
    else:  # the text stays; who writes from now on is on record
        addendum.author_id, addendum.author_name = scope.user_id, scope.actor.name
    _hold(scope, addendum)
    scope.emit(events.AddendumOpened(**about(report), report_id=report.id, addendum_id=addendum.id))
    return addendum


def save(scope: Scope, addendum_id: UUID, *, purpose: Purpose, text: str, revision: int) -> Addendum:
    """Store the words if ``revision`` is the newest; StaleAddendum brings the newer ones otherwise. The same twice is one."""
    words = rules.clean_addendum(text)
    addendum, report = _for_writing(scope, addendum_id)
    if (addendum.purpose, addendum.text) == (purpose, words):
        return addendum
    if addendum.revision != revision:
        raise StaleAddendum(
            purpose=addendum.purpose,
            text=addendum.text,
            revision=addendum.revision,
            saved_by=addendum.author_name,
            saved_at=addendum.updated_at,
        )
    told = rules.worth_a_line(addendum.updated_at, scope.now, first=addendum.revision == 0)
    addendum.purpose, addendum.text = purpose.value, words
    addendum.revision, addendum.updated_at = revision + 1, scope.now
    scope.session.flush()
    if told:
        said = events.AddendumSaved(**about(report), report_id=report.id, addendum_id=addendum.id, revision=addendum.revision)
        scope.emit(said)
    return addendum


def discard(scope: Scope, addendum_id: UUID, *, revision: int | None) -> None:
    """Throw away what nobody signed, as it was read (None: whatever it is now). That somebody did is on record."""
    addendum, report = _for_writing(scope, addendum_id)
    if revision not in (None, addendum.revision):
        raise Changed("The addendum changed after you looked at it. Read it again before you throw it away.")
    scope.session.delete(addendum)
    scope.session.flush()
    scope.emit(events.AddendumDiscarded(**about(report), report_id=report.id, addendum_id=addendum_id))


def sign(scope: Scope, addendum_id: UUID, *, proof: Proof, meaning: Any, revision: int) -> ReportVersion:
    """Make the addendum part of the report's next version, signed and immutable; the versions before stay as they are.

    Raises Conflict when it may not be signed (the code is not used up then), SignatureRefused when the proof fails.
    """
    stated = rules.clean_meaning(meaning)
    addendum, report = _for_writing(scope, addendum_id)
    if addendum.revision != revision:
        raise Conflict("The addendum changed after you looked at it. Read it again before signing.")
    failed = [each.text for each in rules.addendum_checks(text=addendum.text, status=addendum.status) if not each.passed]
    if failed:
        raise Conflict(f"Not signed. {'. '.join(failed)}.")
    before = queries.version(scope, report.id)
    said = said_of(addendum, studies.get(scope, report.study_id))
    signer = prove_signer(scope, proof)
    content = rules.append_content(before.content, said, signer=signer, at=scope.now, meaning=stated)
    version = versions.write(scope, proof.seal, report, content)
    _finish(scope, addendum, report, version)
    scope.emit(
        events.AddendumSigned(
            **about(report),
            report_id=report.id,
            addendum_id=addendum.id,
            purpose=addendum.purpose,
            version=version.version,
            content_hash=version.content_hash,
            pdf_hash=version.pdf_hash,
        )
    )
    return version


def said_of(addendum: Addendum, study: Study) -> dict[str, Any]:
    """Return what a content says of an addendum, before its signature: its words, and the images that were there."""
    return {
        "id": str(addendum.id),
        "purpose": addendum.purpose,
        "text": addendum.text,
        "NumberOfStudyRelatedSeries": study.series_count,
        "NumberOfStudyRelatedInstances": study.instance_count,
    }


def keep_lock(scope: Scope, report_id: UUID) -> Addendum:
    """A sign of life of the page on which an addendum is written. Conflict when it is no longer the actor's."""
    _report(scope, report_id)
    addendum = queries.open_addendum(scope, report_id)
    if addendum is None:
        raise Conflict("This addendum was signed or thrown away in another window.")
    _refuse_others(scope, addendum)
    _hold(scope, addendum)
    return addendum


def leave(scope: Scope, report_id: UUID) -> None:
    """The page was left: colleagues may take the addendum over. Without one of one's own nothing changes."""
    _report(scope, report_id)
    addendum = queries.open_addendum(scope, report_id)
    if addendum is not None and addendum.author_id == scope.user_id:
        addendum.lock_until = None
        scope.session.flush()


def held_by_other(scope: Scope, addendum: Addendum) -> bool:
    """Say whether a colleague writes this addendum at this moment."""
    alive = addendum.lock_until is not None and addendum.lock_until > scope.now
    return alive and addendum.author_id != scope.actor.user_id


def _report(scope: Scope, report_id: UUID) -> Report:
    """Return a report the actor may add to, held until the transaction ends: what is done to its addenda comes in a row."""
    report = queries.get(scope, report_id)
    words = hindrance(scope, report)
    if words:
        raise Conflict(words) if report.status != ReportStatus.FINAL else Denied(words)
    scope.session.execute(select(Report.id).where(Report.id == report_id).with_for_update())
    return report


def _for_writing(scope: Scope, addendum_id: UUID) -> tuple[Addendum, Report]:
    """Return an open addendum of the actor's own, its lock renewed; Denied, Conflict or Missing otherwise."""
    report = _report(scope, queries.addendum(scope, addendum_id).report_id)
    fresh = select(Addendum).where(Addendum.id == addendum_id).execution_options(populate_existing=True)
    addendum: Addendum = scope.one(fresh)
    if addendum.status != ReportStatus.DRAFT:
        raise Conflict(SIGNED)
    _refuse_others(scope, addendum)
    _hold(scope, addendum)
    return addendum, report


def _refuse_others(scope: Scope, addendum: Addendum) -> None:
    if addendum.author_id != scope.user_id:
        raise Conflict(f"{addendum.author_name} writes this addendum now. Open it again to go on with it.")


def _hold(scope: Scope, addendum: Addendum) -> None:
    addendum.lock_until = scope.now + LOCK
    scope.session.flush()


def _new(scope: Scope, report: Report) -> Addendum:
    addendum = Addendum(
        organisation_id=report.organisation_id,
        id=uuid4(),
        report_id=report.id,
        status=ReportStatus.DRAFT.value,
        purpose=Purpose.ADDENDUM.value,
        text="",
        revision=0,
        author_id=scope.user_id,
        author_organisation_id=scope.organisation_id,
        author_name=scope.actor.name,
        created_at=scope.now,
        updated_at=scope.now,
    )
    scope.session.add(addendum)
    return addendum


def _finish(scope: Scope, addendum: Addendum, report: Report, version: ReportVersion) -> None:
    """The addendum is the version it made, and lists show the study anew, which stays final."""
    draft = update(Addendum).where(Addendum.id == addendum.id, Addendum.status == ReportStatus.DRAFT)
    values = {"status": ReportStatus.FINAL, "version": version.version, "updated_at": scope.now, "lock_until": None}
    if cast("CursorResult[None]", scope.session.execute(draft.values(values))).rowcount != 1:
        raise Conflict(SIGNED)
    scope.session.execute(update(Study).where(Study.id == report.study_id).values(signed_at=Study.signed_at))
