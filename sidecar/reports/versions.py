"""Signed versions are written here and nowhere else: content, signature and paper in one go, never touched again."""

import hashlib

from sidecar.adapters import signing
from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scope
from sidecar.reports import authority, documents, rules
from sidecar.reports.model import Content
from sidecar.reports.tables import Report, ReportVersion


def write(scope: Scope, seal: Seal, report: Report, content: Content) -> ReportVersion:
    """Bind the content to its signer by a key that exists for this signature only, on screen and on paper."""
    digest = rules.content_hash(content)
    house = authority.own(scope, seal, owner=content["reading_organisation"]["name"])
    signer = documents.signer_of(scope, content, house)
    paper = documents.make(scope, content, digest, signer=signer, authority=house)
    version = ReportVersion(
        organisation_id=report.organisation_id,
        report_id=report.id,
        version=content["report"]["version"],
        reading_organisation_id=report.reading_organisation_id,
        content=content,
        content_hash=digest,
        signer_id=scope.user_id,
        signer_name=content["signature"]["signer_name"],
        signed_at=scope.now,
        meaning=content["signature"]["meaning"],
        pdf_hash=hashlib.sha256(paper).hexdigest(),
        signature=signing.sign(signer, rules.signed_bytes(content)),
        certificate=signer.certificate,
    )
    scope.session.add(version)
    scope.session.flush()
    documents.keep(scope, seal, version, paper)
    scope.session.flush()
    return version
