"""The copy for an inspector (21 CFR 11.10(b)): one report with every version, signature and line of its audit trail.

For people: the PDFs and texts. For machines: JSON, the journal's own rows with their hashes, and a manifest signed by whoever
made the copy, so that nothing can be added, altered or left out. ``check`` says whether a copy is what it claims; it needs
nothing but the file.
"""

import hashlib
import io
import json
import zipfile
from typing import Any
from uuid import UUID

from sqlalchemy import select

from sidecar.adapters import signing
from sidecar.adapters.seals import Seal
from sidecar.audit.formats import as_csv, as_json
from sidecar.audit.queries import entries
from sidecar.gate.scope import Scope
from sidecar.kernel.canonical import canonical
from sidecar.kernel.errors import Missing
from sidecar.kernel.journal import JournalRow
from sidecar.organisations.tables import Organisation
from sidecar.reports import authority, documents, queries, rules
from sidecar.reports.events import ReportCopied
from sidecar.reports.model import ADDENDUM_MEANING_WORDS, MEANING_WORDS, SECTIONS, Meaning
from sidecar.reports.tables import ReportVersion

MANIFEST, SIGNATURE, SIGNER, ISSUER = "manifest.json", "manifest.signature", "manifest.signer.pem", "manifest.authority.pem"
README = """A copy of one radiology report for inspection.

versions/N/report.pdf    the signed version N on paper; its signature is PAdES, judged by versions/N/authority.pem
versions/N/report.txt    the same in plain text, with the printed name, time (UTC) and meaning of the signature
versions/N/content.json  what was signed, byte for byte; signature.der (ECDSA, SHA-256) is over it, by signer.pem
audit/trail.csv, .json   who did what with the report and its study, in words
audit/journal.jsonl      the same rows as the journal keeps them, each with its hash and the one before it
manifest.json            the SHA-256 of every file; signed by who made this copy (manifest.signature, manifest.signer.pem)

To check all of it: ./readingroom inspect FILE
"""


def make(scope: Scope, seal: Seal, report_id: UUID) -> bytes:
    """Return the ZIP and put its making on record. Raises Missing, and Broken when a version is not what was signed."""
    report = queries.get(scope, report_id)
    numbers = sorted(row.version for row in queries.versions(scope, report_id))
    if not numbers:
        raise Missing
    files = {"README.txt": README.encode()}
    for number in numbers:
        version = queries.version(scope, report_id, number)
        files |= {f"versions/{number}/{name}": content for name, content in _version(scope, seal, version).items()}
    files |= _trail(scope, report.organisation_id, report.study_id)
    files |= _manifest(scope, seal, report_id, files, numbers)
    whole = _zip(files)
    scope.emit(
        ReportCopied(
            organisation_id=report.organisation_id,
            study_id=report.study_id,
            reading_organisation_id=report.reading_organisation_id,
            report_id=report_id,
            versions=len(numbers),
            sha256=hashlib.sha256(whole).hexdigest(),
        )
    )
    return whole


def _version(scope: Scope, seal: Seal, version: ReportVersion) -> dict[str, bytes]:
    reader: Any = version.content["reading_organisation"]
    files = {
        "report.pdf": documents.paper(scope, seal, version),
        "report.txt": _text(version).encode(),
        "content.json": rules.signed_bytes(version.content),
    }
    if version.signature is None or version.certificate is None:
        return files
    return files | {
        "signature.der": version.signature,
        "signer.pem": version.certificate.encode(),
        "authority.pem": authority.certificate(scope, UUID(reader["id"])).encode(),
    }


def _text(version: ReportVersion) -> str:
    content: Any = version.content
    parts = [f"Report {version.report_id}, version {version.version}"]
    parts += [f"{name}: {value}" for name, value in {**content["patient"], **content["study"]}.items()]
    parts += [f"\n{each.upper()}\n{content['sections'][each]}" for each in SECTIONS if content["sections"][each].strip()]
    parts.append(_signed(rules.original_signature(content), MEANING_WORDS))
    for number, each in enumerate(content.get("addenda", ()), start=1):
        parts.append(f"\n{each['purpose'].upper()} {number}\n{each['text']}")
        parts.append(_signed(each["signature"], ADDENDUM_MEANING_WORDS))
    parts.append(f"Content SHA-256 {version.content_hash}\nPDF SHA-256 {version.pdf_hash}\n")
    return "\n".join(parts)


def _signed(signature: dict[str, str], words: dict[Meaning, str]) -> str:
    who, when = signature["signer_name"], signature["signed_at"]
    return f"\nElectronically signed by {who}\n{when} (UTC)\n{words[Meaning(signature['meaning'])]}"


def _trail(scope: Scope, owner: UUID, study_id: UUID) -> dict[str, bytes]:
    found = select(JournalRow).where(JournalRow.organisation_id == owner, JournalRow.study_id == study_id)
    rows = list(scope.session.scalars(found.order_by(JournalRow.sequence)))
    batch = list(zip(rows, entries(scope, rows), strict=True))
    raw = [
        {
            "organisation": str(row.organisation_id), "sequence": row.sequence, "body": row.body,
            "previous": row.previous_hash.hex(), "hash": row.hash.hex(),
        }
        for row in rows
    ]  # fmt: skip
    return {
        "audit/trail.csv": "".join(as_csv([batch])).encode(),
        "audit/trail.json": "".join(as_json([batch])).encode(),
        "audit/journal.jsonl": "".join(canonical(line) + "\n" for line in raw).encode(),
    }


def _manifest(scope: Scope, seal: Seal, report_id: UUID, files: dict[str, bytes], numbers: list[int]) -> dict[str, bytes]:
    name = str(scope.one(select(Organisation.name).where(Organisation.id == scope.organisation_id)))
    house = authority.own(scope, seal, owner=name)
    person = str(scope.user_id)
    signer = signing.issue_signer(house.pair, scope.actor.name, person_id=person, owner=name, now=scope.now)
    told = {
        "format": "readingroom-inspection/1",
        "report": str(report_id),
        "versions": numbers,
        "made_at": scope.now.isoformat(timespec="milliseconds"),
        "made_by": {"id": person, "name": scope.actor.name, "organisation": name},
        "files": {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())},
    }
    manifest = canonical(told).encode()
    return {
        MANIFEST: manifest,
        SIGNATURE: signing.sign(signer, manifest),
        SIGNER: signer.certificate.encode(),
        ISSUER: house.pair.certificate.encode(),
    }


def _zip(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return target.getvalue()


def as_told(files: dict[str, bytes]) -> dict[str, Any]:
    """Return a copy's manifest."""
    told: dict[str, Any] = json.loads(files[MANIFEST])
    return told
