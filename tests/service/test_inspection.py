"""The copy for an inspector: complete, readable by people and machines, and checkable with nothing but the file (control D09)."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import select

from sidecar.adapters.seals import Seal
from sidecar.gate.scope import Scopes
from sidecar.kernel.errors import Missing
from sidecar.kernel.journal import JournalRow
from sidecar.reports import inspection, service
from sidecar.reports.inspected import faults
from sidecar.reports.tables import ReportVersion
from tests.browser import Browser, alike
from tests.cast import Cast
from tests.factories.studies import Made, make_study
from tests.service.test_reports import sign, write


@pytest.fixture
def study(scopes: Scopes, cast: Cast) -> Made:
    return make_study(scopes, cast.mercy, reading=cast.nightowls)


@pytest.fixture
def signed(scopes: Scopes, seal: Seal, cast: Cast, study: Made) -> ReportVersion:
    version = sign(scopes, seal, cast.reader, write(scopes, cast.reader, study))
    with scopes.open(cast.owner.actor) as scope:
        service.read_version(scope, version.report_id, form="screen")
    return version


def unpacked(copy: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(copy)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def packed(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def test_d09_a_copy_for_inspection_is_complete_readable_and_verified(
    scopes: Scopes, seal: Seal, cast: Cast, study: Made, signed: ReportVersion
) -> None:
    with scopes.open(cast.mercy_manager.actor) as scope:
        trail = scope.session.scalars(select(JournalRow.sequence).where(JournalRow.study_id == study.id)).all()
        copy = inspection.make(scope, seal, signed.report_id)
    assert faults(copy) == []
    files = unpacked(copy)
    text = files["versions/1/report.txt"].decode()
    for said in ("No acute finding.", "Electronically signed by Dr. Nora Reader", "Author of this final report", "(UTC)"):
        assert said in text
    assert signed.signed_at.isoformat(timespec="milliseconds") in text
    assert files["versions/1/report.pdf"].startswith(b"%PDF")
    assert json.loads(files["versions/1/content.json"]) == signed.content
    rows = list(csv.DictReader(io.StringIO(files["audit/trail.csv"].decode())))
    assert sorted(int(row["entry"]) for row in rows) == sorted(trail)
    assert {"reports.report.signed", "reports.report.read", "reports.report.opened"} <= {row["kind"] for row in rows}
    assert len(json.loads(files["audit/trail.json"])) == len(rows) == len(files["audit/journal.jsonl"].splitlines())
    with scopes.open(cast.mercy_manager.actor) as scope:
        kinds = scope.session.scalars(select(JournalRow.kind).where(JournalRow.study_id == study.id)).all()
    assert list(kinds).count("reports.report.copied") == 1


def test_d09_whatever_is_altered_added_or_left_out_shows(scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion) -> None:
    with scopes.open(cast.mercy_manager.actor) as scope:
        files = unpacked(inspection.make(scope, seal, signed.report_id))
    for name in files:
        assert faults(packed({other: content for other, content in files.items() if other != name})), name
        content = bytearray(files[name])
        content[len(content) // 2] ^= 1
        assert faults(packed({**files, name: bytes(content)})), name
    assert faults(packed({**files, "versions/1/second-opinion.txt": b"x"}))
    lines = files["audit/journal.jsonl"].splitlines(keepends=True)
    fewer = [line for line in lines if b"reports.report.signed" not in line]
    assert "the journal does not know the signing of version 1" in faults(
        packed({**files, "audit/journal.jsonl": b"".join(fewer)})
    )
    for nothing in (b"", b"PK", packed({}), packed({"manifest.json": b"{}"})):
        assert faults(nothing)


def test_managers_take_copies_after_proving_themselves_and_nobody_else_does(
    cast: Cast, browse: Callable[..., Browser], signed: ReportVersion, scopes: Scopes, seal: Seal
) -> None:
    path, unknown = f"/reports/{signed.report_id}/inspection", uuid4()
    taken = browse(cast.mercy_manager).post(path)
    assert (taken.status_code, taken.mimetype) == (200, "application/zip")
    assert faults(taken.data) == []
    assert faults(browse(cast.lead).post(path).data) == []
    for person in (cast.owner, cast.colleague, cast.reader, cast.mercy_admin):
        assert browse(person).post(path).status_code == 403
    stranger = browse(cast.strange_manager)
    refused = stranger.post(path)
    assert refused.status_code == 404
    assert alike(refused, signed.report_id) == alike(stranger.post(f"/reports/{unknown}/inspection"), unknown)
    with pytest.raises(Missing), scopes.open(replace(cast.strange_manager.actor)) as scope:
        inspection.make(scope, seal, signed.report_id)
