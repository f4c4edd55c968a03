"""What the JSON door to reports takes and answers."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from sidecar.gate.requests import Asked, Paging, Refusal, Shown, Told
from sidecar.reports.model import Meaning, Purpose, ReportStatus, Section, Standing

Revision = Annotated[int, Field(ge=0, le=2**31 - 1, description="Of the draft as you read it.")]


class OpenBody(Asked):
    """Whose report."""

    study_id: UUID


class DraftBody(Asked):
    """The text, by section. The revision may stand here or in If-Match."""

    drops_unstorable: ClassVar[bool] = True
    sections: dict[Section, str]
    revision: Revision


class SignBody(Asked):
    """What the signer gives (21 CFR 11.200): ``password`` and ``code``, or ``passkey``; later in a session one of them."""

    password: Annotated[str, Field(max_length=1024)] = ""
    code: Annotated[str, Field(max_length=64)] = ""
    passkey: Annotated[str, Field(max_length=20_000, description="What the browser answered, as JSON text.")] = ""
    meaning: Meaning = Meaning.AUTHOR
    revision: Revision


class ReportsAsked(Paging):
    """Which reports."""

    status: ReportStatus | None = None
    study_id: UUID | None = None
    author_id: UUID | None = None


class ReportLine(Shown):
    """A report as a list shows it, without its text."""

    id: UUID
    study_id: UUID
    organization_id: Annotated[UUID, Field(description="Whose study it is.")]
    status: ReportStatus
    author: str
    revision: int
    created_at: datetime
    saved_at: datetime


class ReportsAnswer(Told):
    """A page of reports, the latest begun first; ``next`` is the cursor of the following one."""

    reports: list[ReportLine]
    next: str | None


class CheckShown(Shown):
    """One question asked before signing; ``text`` says what to do when it failed."""

    name: str
    passed: bool
    text: str


class ReportAnswer(BaseModel):
    """A report with its text as it is now. ``status`` is the report's own: draft or final."""

    id: UUID
    study_id: UUID
    status: ReportStatus
    author: str
    sections: dict[Section, str]
    revision: int
    saved_at: datetime
    checks: list[CheckShown]


class VersionAnswer(BaseModel):
    """A signed version. ``content`` is what was signed, ``content_hash`` its SHA-256.

    ``standing``: final, or appended or corrected by its addenda (FHIR R4 DiagnosticReport.status).
    """

    report_id: UUID
    version: int
    standing: Standing
    content: dict[str, Any]
    content_hash: str
    signer: str
    signed_at: datetime
    meaning: Meaning
    href: str
    pdf: str


class AddendumShown(BaseModel):
    """A signed addendum as everybody reads it who may read the report; ``version`` is the one it made."""

    purpose: Purpose
    text: str
    signer: str
    signed_at: datetime
    meaning: Meaning
    version: int


class WholeAnswer(ReportAnswer):
    """A report with its signed addenda, the first one first, and all its signed versions, the newest first.

    ``open_addendum``: one that is being written, told to those who write it.
    """

    addenda: list[AddendumShown]
    open_addendum: UUID | None
    versions: list[VersionAnswer]


class SignedAnswer(VersionAnswer):
    """What was just signed, and the page to go on with."""

    next: str


class StaleAnswer(Refusal):
    """Somebody saved a newer text: it comes along, so that nobody's words are lost."""

    status: Literal["error"] = "error"
    code: str = "stale"
    sections: dict[Section, str]
    revision: int
    saved_by: str
    saved_at: datetime
