"""May this actor on this report? The wall (row-level security) decides who sees; this decides who writes."""

from sqlalchemy import ColumnElement, exists, false, or_, true

from sidecar.gate.actor import Actor
from sidecar.gate.permissions import Permission, may_ever
from sidecar.reports.model import ReportStatus
from sidecar.reports.tables import Report
from sidecar.studies.tables import Study


def visible(actor: Actor) -> ColumnElement[bool]:
    """Return which of the reports inside the walls the actor may see: signed ones all, drafts only who writes reports.

    A draft on a study that was taken back is left to who wrote it, to read: colleagues have no business with that patient.
    """
    signed = Report.status == ReportStatus.FINAL
    if not may_ever(actor, Permission.REPORT_WRITE):
        return signed
    here = exists().where(Study.organisation_id == Report.organisation_id, Study.id == Report.study_id)
    return or_(signed, Report.author_id == actor.user_id, here)


def seen_addenda(actor: Actor) -> ColumnElement[bool]:
    """Return which of the addenda inside the walls the actor may see as such: who does not write reads the versions."""
    return true() if may_ever(actor, Permission.REPORT_WRITE) else false()


def writes_reports_of(actor: Actor, study: Study) -> bool:
    """A study's report is written where it is read: by the reading group once routed, else by its owner's own radiologists."""
    reader = study.reading_organisation_id or study.organisation_id
    return may_ever(actor, Permission.REPORT_WRITE) and actor.organisation_id == reader


def may_write(actor: Actor, study: Study, report: Report | None) -> bool:
    """Say whether the actor may write this study's report, as far as nobody else holds it."""
    return writes_reports_of(actor, study) and (report is None or report.status == ReportStatus.DRAFT)


def writes_addenda_to(actor: Actor, report: Report) -> bool:
    """What a group signed, its own radiologists add to: the signer or a colleague. Whether they may now, see ``addenda``."""
    return may_ever(actor, Permission.REPORT_WRITE) and actor.organisation_id == report.author_organisation_id
