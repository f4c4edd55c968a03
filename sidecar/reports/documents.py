"""Signed reports on paper: made and signed once, kept sealed under the owner's key, given out byte for byte."""

import hashlib

from sidecar.adapters import pades, signing
from sidecar.adapters.certificates import Pair
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.kernel.errors import Broken
from sidecar.reports import pdf, rules
from sidecar.reports.authority import Authority
from sidecar.reports.model import Content
from sidecar.reports.tables import ReportDocument, ReportVersion
from sidecar.vault import service as vault

PLAIN = b"%PDF-"
"""How a PDF of before the vault begins: it is sealed at the next rotation."""


def make(scope: Scope, content: Content, content_hash: str, *, signer: Pair, authority: Authority) -> bytes:
    """Return the PDF of a content with its signer's signature over every byte of it (PAdES B-T)."""
    meaning = rules.meaning_words(content)
    said = pades.Said(content["signature"]["signer_name"], f"{meaning}. Content SHA-256 {content_hash}", scope.now)
    plain = pdf.render(content, content_hash)
    return pades.sign_pdf(plain, signer, authority.clock, authority=authority.pair.certificate, said=said)


def signer_of(scope: Scope, content: Content, authority: Authority) -> Pair:
    """Return a key for this one signature, with the certificate that says whose it is."""
    person = content["signature"]
    return signing.issue_signer(
        authority.pair, person["signer_name"], person_id=person["signer_id"], owner=authority.owner, now=scope.now
    )


def keep(scope: Scope, seal: Seal, version: ReportVersion, paper: bytes) -> None:
    """Put the PDF beside its version, sealed."""
    sealed = vault.close(scope, seal, version.organisation_id, paper, place=_place(version))
    scope.session.add(
        ReportDocument(
            organisation_id=version.organisation_id,
            report_id=version.report_id,
            version=version.version,
            reading_organisation_id=version.reading_organisation_id,
            pdf_sealed=sealed,
        )
    )


def paper(scope: Scope, seal: Seal, version: ReportVersion) -> bytes:
    """Return a version's PDF as it was signed; Broken when it is another one."""
    row = scope.session.get_one(ReportDocument, (version.organisation_id, version.report_id, version.version))
    stored = row.pdf_sealed
    plain = (
        stored
        if stored.startswith(PLAIN)
        else vault.open_sealed(scope, seal, version.organisation_id, stored, place=_place(version))
    )
    if hashlib.sha256(plain).hexdigest() != version.pdf_hash:
        raise Broken("This report on paper is not the one that was signed. It is withheld; please tell the platform at once.")
    return plain


def _place(version: ReportVersion) -> str:
    return f"report_documents|{version.report_id}.{version.version}|pdf"
