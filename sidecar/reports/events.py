"""What happens to reports. ``organisation_id`` is the provider that owns the study."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sidecar.gate.scope import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOpened(Event):
    """Somebody began to write, or took an unsigned report over."""

    kind: ClassVar[str] = "reports.report.opened"
    report_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSaved(Event):
    """The draft changed; told at intervals while somebody writes, not at every keystroke."""

    kind: ClassVar[str] = "reports.report.saved"
    report_id: UUID
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSigned(Event):
    """A version became immutable. The hashes (SHA-256) of content and PDF stand in the chain of the journal too."""

    kind: ClassVar[str] = "reports.report.signed"
    report_id: UUID
    version: int
    content_hash: str
    pdf_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddendumOpened(Event):
    """Somebody began to add to a signed report, or took an addendum over that is not signed."""

    kind: ClassVar[str] = "reports.addendum.opened"
    report_id: UUID
    addendum_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AddendumSaved(Event):
    """The addendum's draft changed; told at intervals while somebody writes."""

    kind: ClassVar[str] = "reports.addendum.saved"
    report_id: UUID
    addendum_id: UUID
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddendumDiscarded(Event):
    """The addendum was thrown away before anybody signed it."""

    kind: ClassVar[str] = "reports.addendum.discarded"
    report_id: UUID
    addendum_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AddendumSigned(Event):
    """A new version of a report: all that was signed, and this addendum. Hashes (SHA-256) as of ReportSigned."""

    kind: ClassVar[str] = "reports.addendum.signed"
    report_id: UUID
    addendum_id: UUID
    purpose: str
    version: int
    content_hash: str
    pdf_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRead(Event):
    """Somebody looked at a report; ``form`` is screen, pdf or json. ``version`` 0 is the draft: draft, review or json."""

    kind: ClassVar[str] = "reports.report.read"
    report_id: UUID
    version: int
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningAuthorityMade(Event):
    """An organisation signs for the first time: the certificate (SHA-256 of its DER) its signatures are judged by."""

    kind: ClassVar[str] = "reports.authority.made"
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCopied(Event):
    """A copy for inspection was made: all versions with their audit trail. ``sha256`` is of the file."""

    kind: ClassVar[str] = "reports.report.copied"
    report_id: UUID
    versions: int
    sha256: str
