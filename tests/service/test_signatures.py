"""Electronic signatures: what they say, what they are bound to, and that nothing signed ever changes (controls D02, D03, D05)."""

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from pypdf import PdfReader
from sqlalchemy import Engine, create_engine, select, text

from sidecar.adapters.pades import validate
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import system_actor
from sidecar.gate.scope import Scopes
from sidecar.instance import Instance
from sidecar.kernel.errors import Broken
from sidecar.reports import authority, documents, queries
from sidecar.reports.rules import content_hash
from sidecar.reports.tables import ReportDocument, ReportVersion
from tests.browser import Browser, alike
from tests.cast import Cast
from tests.factories.studies import make_study
from tests.service.test_reports import sign, write


@pytest.fixture(scope="module")
def owner_engine(services: Instance) -> Iterator[Engine]:
    engine = create_engine(services.env()["RR_DATABASE_OWNER_URL"])
    yield engine
    engine.dispose()


@pytest.fixture
def signed(scopes: Scopes, seal: Seal, cast: Cast) -> ReportVersion:
    study = make_study(scopes, cast.mercy, reading=cast.nightowls)
    return sign(scopes, seal, cast.reader, write(scopes, cast.reader, study))


@contextmanager
def below_the_trigger(engine: Engine) -> Iterator[Callable[..., None]]:
    """Write as somebody could who owns the database: walls and triggers down, up again afterwards."""
    with engine.begin() as connection:
        for change in ("NO FORCE ROW LEVEL SECURITY", "DISABLE TRIGGER refuse_change"):
            connection.execute(text(f"ALTER TABLE report_versions {change}"))
        yield lambda statement, **values: connection.execute(text(statement), values)
        for change in ("ENABLE TRIGGER refuse_change", "FORCE ROW LEVEL SECURITY"):
            connection.execute(text(f"ALTER TABLE report_versions {change}"))


def paper_of(scopes: Scopes, seal: Seal, cast: Cast, report_id: UUID) -> tuple[bytes, str]:
    """Return a report's PDF as its hospital gets it, and the certificate it is judged by."""
    with scopes.open(cast.owner.actor) as scope:
        version = queries.version(scope, report_id)
        return documents.paper(scope, seal, version), authority.certificate(scope, cast.nightowls)


def test_d03_name_time_and_meaning_stand_on_screen_on_paper_and_in_the_export(
    signed: ReportVersion, cast: Cast, browse: Callable[..., Browser]
) -> None:
    hospital, at = browse(cast.owner), signed.signed_at
    page = hospital.get(f"/reports/{signed.report_id}")
    paper = hospital.get(f"/reports/{signed.report_id}/report.pdf")
    export = hospital.get(f"/api/reports/{signed.report_id}")
    printed = "".join(sheet.extract_text() for sheet in PdfReader(BytesIO(paper.data)).pages)
    for output in (page.text, printed):
        assert "Electronically signed by" in output
        assert "Dr. Nora Reader" in output
        assert f"{at:%Y-%m-%d %H:%M:%S} UTC" in output
        assert "Author of this final report" in output
    said = json.loads(export.data)["versions"][0]["content"]["signature"]
    assert (said["signer_name"], said["meaning"]) == ("Dr. Nora Reader", "author")
    assert said["signed_at"] == at.isoformat(timespec="milliseconds")
    stranger, unknown = browse(cast.stranger), uuid4()
    for path in ("/reports/{}", "/reports/{}/report.pdf", "/api/reports/{}"):
        known = stranger.get(path.format(signed.report_id))
        assert known.status_code == 404
        assert alike(known, signed.report_id) == alike(stranger.get(path.format(unknown)), unknown)


def test_d05_a_signature_holds_where_it_was_given_and_nowhere_else(
    scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion, owner_engine: Engine
) -> None:
    """All of the signature, or its key's part alone, moved to another report of the same signer: withheld both times."""
    other = sign(
        scopes, seal, cast.second_reader, write(scopes, cast.second_reader, make_study(scopes, cast.luke, reading=cast.nightowls))
    )
    move = "UPDATE report_versions o SET {} FROM report_versions s WHERE o.report_id = :other AND s.report_id = :signed"
    key = "signature = s.signature, certificate = s.certificate"
    moves = (
        move.format(f"content = s.content, content_hash = s.content_hash, signer_id = s.signer_id, {key}"),
        move.format(key),
        move.format("signature = NULL, certificate = NULL"),
    )
    before = {name: getattr(other, name) for name in ("content_hash", "signature", "certificate", "signer_id")}
    content = json.dumps(other.content)
    for move in moves:
        with below_the_trigger(owner_engine) as execute:
            execute(move, other=other.report_id, signed=signed.report_id)
        with pytest.raises(Broken, match="does not match its signature"), scopes.open(cast.luke_radiologist.actor) as scope:
            queries.version(scope, other.report_id)
        with below_the_trigger(owner_engine) as execute:
            columns = ", ".join(f"{name} = :{name}" for name in before)
            execute(
                f"UPDATE report_versions SET content = CAST(:content AS jsonb), {columns} WHERE report_id = :other",  # noqa: S608
                **before,
                content=content,
                other=other.report_id,
            )
    with scopes.open(cast.luke_radiologist.actor) as scope:
        assert queries.version(scope, other.report_id).content_hash == before["content_hash"]


def test_d05_a_forger_who_hashes_anew_still_lacks_the_key(
    scopes: Scopes, cast: Cast, signed: ReportVersion, owner_engine: Engine
) -> None:
    with scopes.open(cast.owner.actor) as scope:
        content = queries.version(scope, signed.report_id).content
    forged = {**content, "sections": {**content["sections"], "impression": "Bleeding."}}  # type: ignore[dict-item]
    with below_the_trigger(owner_engine) as execute:
        execute(
            "UPDATE report_versions SET content = CAST(:content AS jsonb), content_hash = :hash WHERE report_id = :r",
            content=json.dumps(forged), hash=content_hash(forged), r=signed.report_id,
        )  # fmt: skip
    with pytest.raises(Broken, match="does not match its signature"), scopes.open(cast.owner.actor) as scope:
        queries.version(scope, signed.report_id)


def test_d05_the_pdf_validates_and_one_byte_edited_makes_it_invalid(
    scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion
) -> None:
    """Judged by pyHanko as PAdES B-T; the spare room inside the signature's container is covered by the hash of the file."""
    paper, trusted = paper_of(scopes, seal, cast, signed.report_id)
    found = validate(paper, authority=trusted)
    assert (found.sound, found.signer, found.stamped_at) == (True, "Dr. Nora Reader", signed.signed_at)
    gap = range(paper.index(b"/Contents <"), paper.index(b">", paper.index(b"/Contents <")) + 1)
    for position in random.Random(11).sample(range(len(paper)), 40):  # noqa: S311 - which bytes, not a secret
        edited = bytearray(paper)
        edited[position] ^= 1
        assert hashlib.sha256(edited).hexdigest() != signed.pdf_hash
        assert position in gap or not validate(bytes(edited), authority=trusted).sound, position
    with scopes.open(cast.reader.actor) as scope:
        strangers = authority.own(scope, seal, owner="x").pair.certificate
        assert validate(paper, authority=strangers).sound  # the readers' own authority
    with scopes.open(cast.own_radiologist.actor) as scope:
        assert not validate(paper, authority=authority.own(scope, seal, owner="Mercy").pair.certificate).sound


def test_a_paper_exchanged_in_the_store_is_withheld(scopes: Scopes, seal: Seal, cast: Cast, signed: ReportVersion) -> None:
    with scopes.open(system_actor(cast.mercy)) as scope:
        version = queries.version(scope, signed.report_id)
        row = scope.session.get_one(ReportDocument, (cast.mercy, signed.report_id, 1))
        assert b"%PDF" not in row.pdf_sealed
        assert b"Doe" not in row.pdf_sealed
        row.pdf_sealed = b"%PDF-1.4 another"
        scope.session.flush()
        with pytest.raises(Broken, match="not the one that was signed"):
            documents.paper(scope, seal, version)
        scope.session.rollback()


def test_signing_the_first_time_makes_one_authority_and_says_so(scopes: Scopes, cast: Cast, signed: ReportVersion) -> None:
    with scopes.open(cast.nightowls_admin.actor) as scope:
        kinds = scope.session.scalars(text("SELECT kind FROM journal WHERE organisation_id = :o"), {"o": cast.nightowls}).all()
    assert list(kinds).count("reports.authority.made") == 1
    with scopes.open(cast.stranger.actor) as scope:
        assert scope.session.scalars(select(ReportDocument)).all() == []
        assert scope.session.scalar(text("SELECT count(*) FROM signing_authorities")) == 0
