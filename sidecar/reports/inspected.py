"""Whether a copy for inspection is what it claims to be: asked of the file alone, anywhere."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import Any
from uuid import UUID

from sidecar.adapters import pades, signing
from sidecar.kernel.journal import row_hash
from sidecar.reports import rules
from sidecar.reports.inspection import ISSUER, MANIFEST, SIGNATURE, SIGNER, as_told

OUTSIDE = frozenset({MANIFEST, SIGNATURE, SIGNER, ISSUER})


def faults(copy: bytes) -> list[str]:
    """Return everything that is wrong with a copy, in words; nothing for a sound one."""
    try:
        with zipfile.ZipFile(BytesIO(copy)) as packed:
            files = {name: packed.read(name) for name in packed.namelist()}
        return list(_faults(files))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as broken:
        return [f"the file cannot be read as a copy for inspection ({type(broken).__name__})"]


def _faults(files: dict[str, bytes]) -> Iterator[str]:
    told = as_told(files)
    texts = (files[SIGNER].decode(), files[ISSUER].decode())
    if not signing.vouched(files[MANIFEST], files[SIGNATURE], texts[0], authority=texts[1], person_id=told["made_by"]["id"]):
        yield "the manifest is not signed by who says to have made the copy"
    for name in sorted(set(told["files"]) - set(files)):
        yield f"{name} is left out"
    for name in sorted(set(files) - set(told["files"]) - OUTSIDE):
        yield f"{name} was added"
    for name in sorted(set(told["files"]) & set(files)):
        if hashlib.sha256(files[name]).hexdigest() != told["files"][name]:
            yield f"{name} was altered"
    if told["versions"] != list(range(1, len(told["versions"]) + 1)):
        yield "a version is missing"
    rows = [json.loads(line) for line in files["audit/journal.jsonl"].decode().splitlines()]
    yield from _journal(rows)
    contents = [json.loads(files[f"versions/{number}/content.json"]) for number in told["versions"]]
    for before, after in pairwise(contents):
        if not rules.continues(before, after):
            yield f"version {after['report']['version']} is not the one before it and an addendum"
    for number in told["versions"]:
        yield from _version(files, told["report"], number, rows)


def _journal(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        good = row_hash(bytes.fromhex(row["previous"]), UUID(row["organisation"]), row["sequence"], row["body"])
        if good.hex() != row["hash"]:
            yield f"entry {row['sequence']} of the journal was altered"
    if [row["sequence"] for row in rows] != sorted({row["sequence"] for row in rows}):
        yield "the journal's entries are not in order"


def _version(files: dict[str, bytes], report: str, number: int, rows: list[dict[str, Any]]) -> Iterator[str]:
    at = f"versions/{number}/"
    content = json.loads(files[at + "content.json"])
    digest, paper = rules.content_hash(content), files[at + "report.pdf"]
    signer = content["signature"]["signer_id"]
    if not rules.is_bound(content, claimed_hash=digest, report_id=report, version=number, signer_id=signer):
        yield f"version {number} belongs to another report"
    if content["format"] > 1:
        trusted = files[at + "authority.pem"].decode()
        signature, certificate = files[at + "signature.der"], files[at + "signer.pem"].decode()
        if not signing.vouched(rules.signed_bytes(content), signature, certificate, authority=trusted, person_id=signer):
            yield f"the signature of version {number} is not its signer's"
        if not pades.validate(paper, authority=trusted).sound:
            yield f"the PDF of version {number} does not validate"
    hashes = {"content_hash": digest, "pdf_hash": hashlib.sha256(paper).hexdigest(), "version": number}
    signed = [facts for row in rows if (facts := json.loads(row["body"]).get("facts", {})) and hashes.items() <= facts.items()]
    if not signed:
        yield f"the journal does not know the signing of version {number}"
