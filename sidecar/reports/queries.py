"""Reading reports back. What is invisible is Missing; so is what does not exist."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, cast, exists, func, select

from sidecar.adapters import signing
from sidecar.gate.paging import After, cut, newest_first
from sidecar.gate.requests import Paging
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Broken, Missing
from sidecar.reports import authority, policy, rules
from sidecar.reports.model import ReportStatus
from sidecar.reports.tables import Addendum, Report, ReportVersion
from sidecar.studies.tables import Study

SIGNED_FIRST = (Report.status == ReportStatus.FINAL).desc()
"""The walls show an organisation a signed report and its own draft; what is signed counts."""
IMAGES = "NumberOfStudyRelatedInstances"


def get(scope: Scope, report_id: UUID) -> Report:
    """Return a report that the actor may see: a signed one, or a draft for those who write."""
    report: Report = scope.one(select(Report).where(Report.id == report_id, policy.visible(scope.actor)))
    return report


def page(
    scope: Scope, asked: Paging, *, status: ReportStatus | None, study_id: UUID | None, author_id: UUID | None
) -> tuple[Sequence[Report], str | None]:
    """Return a page of the reports the actor may see, the latest begun first, and the cursor of the next."""
    wanted = [policy.visible(scope.actor)]
    given = ((Report.status, status), (Report.study_id, study_id), (Report.author_id, author_id))
    wanted += [column == value for column, value in given if value is not None]
    rows = scope.session.scalars(newest_first(select(Report).where(*wanted), asked, Report.created_at, Report.id)).all()
    return cut(asked, rows, lambda each: After(each.created_at, each.id))


def of_study(scope: Scope, study_id: UUID) -> Report | None:
    """Return the study's report if there is one to see: the signed one, else the draft of the actor's organisation."""
    found = select(Report).where(Report.study_id == study_id, policy.visible(scope.actor)).order_by(SIGNED_FIRST)
    return scope.session.scalars(found.limit(1)).one_or_none()


def kept(scope: Scope, *which: ColumnElement[bool]) -> Report | None:
    """Return the actor's own draft on a study that they no longer see; None for any other report.

    ``which``: it is this report, or that of this study.
    """
    here = exists().where(Study.organisation_id == Report.organisation_id, Study.id == Report.study_id)
    mine = (*which, Report.status == ReportStatus.DRAFT, Report.author_id == scope.actor.user_id)
    return scope.session.scalars(select(Report).where(*mine, policy.visible(scope.actor), ~here)).one_or_none()


def signed_of(scope: Scope, study_ids: Iterable[UUID]) -> dict[UUID, Report]:
    """Return the signed reports of several studies, by study."""
    found = select(Report).where(Report.study_id.in_(list(study_ids)), Report.status == ReportStatus.FINAL)
    return {report.study_id: report for report in scope.session.scalars(found)}


def signatures(scope: Scope, report_ids: Iterable[UUID]) -> dict[UUID, tuple[int, int]]:
    """Return how many images each signed report is about and its newest version: what came later, no reader ever saw."""
    told = (("study", IMAGES), ("addenda", "-1", IMAGES))
    counted = func.greatest(*(cast(ReportVersion.content[path].astext, Integer) for path in told))
    newest = func.max(ReportVersion.version)
    found = select(ReportVersion.report_id, func.max(counted), newest).where(ReportVersion.report_id.in_(list(report_ids)))
    return {row[0]: (row[1], row[2]) for row in scope.session.execute(found.group_by(ReportVersion.report_id))}


def addendum(scope: Scope, addendum_id: UUID) -> Addendum:
    """Return an addendum to those who write reports where it was written; Missing for everybody else."""
    found: Addendum = scope.one(select(Addendum).where(Addendum.id == addendum_id, policy.seen_addenda(scope.actor)))
    return found


def open_addendum(scope: Scope, report_id: UUID) -> Addendum | None:
    """Return the addendum to a report that is being written, if there is one to see."""
    found = select(Addendum).where(Addendum.report_id == report_id, Addendum.status == ReportStatus.DRAFT)
    return scope.session.scalars(found.where(policy.seen_addenda(scope.actor))).one_or_none()


def versions(scope: Scope, report_id: UUID) -> list[ReportVersion]:
    """Return all signed versions, the newest first."""
    found = select(ReportVersion).where(ReportVersion.report_id == report_id).order_by(ReportVersion.version.desc())
    return list(scope.session.scalars(found))


def version(scope: Scope, report_id: UUID, number: int | None = None) -> ReportVersion:
    """Return one signed version, the newest when no number is given.

    Its binding is proved at each reading: Broken when text, signer, time, meaning or place is not what was signed.
    """
    found = select(ReportVersion).where(ReportVersion.report_id == report_id)
    found = found.where(ReportVersion.version == number) if number else found.order_by(ReportVersion.version.desc())
    row = scope.session.scalars(found.limit(1)).one_or_none()
    if row is None:
        raise Missing
    bound = rules.is_bound(
        row.content,
        claimed_hash=row.content_hash,
        report_id=str(row.report_id),
        version=row.version,
        signer_id=str(row.signer_id),
    )
    if not bound or not _vouched(scope, row):
        raise Broken("This signed report does not match its signature. It is withheld; please tell the platform at once.")
    return row


def _vouched(scope: Scope, row: ReportVersion) -> bool:
    """Say whether the reader's own organisation vouches for who signed these words. Format 1 had no key to do so with."""
    if row.signature is None or row.certificate is None:
        return row.content["format"] == 1
    reader: Any = row.content["reading_organisation"]
    return signing.vouched(
        rules.signed_bytes(row.content),
        row.signature,
        row.certificate,
        authority=authority.certificate(scope, UUID(reader["id"])),
        person_id=str(row.signer_id),
    )
